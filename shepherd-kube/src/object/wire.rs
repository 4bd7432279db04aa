//! How a patch is written down.

use std::io;

use json_patch::Patch;
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter};

/// The body of a request with this patch. A test for a text compares its bytes with those that the server itself would
/// write, and that one escapes more characters than JSON asks for.
pub(super) fn body(patch: &Patch) -> Vec<u8> {
    let mut body = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut body, AsGoWrites);
    // A patch is made of JSON values, and a vector takes everything.
    let _ = patch.serialize(&mut writer);
    body
}

struct AsGoWrites;

impl Formatter for AsGoWrites {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, special) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut after = special.chars();
            let code = after.next().map_or(0, u32::from);
            write!(writer, "\\u{code:04x}")?;
            rest = after.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(writer, escape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn escapes_what_the_server_escapes_and_means_the_same() {
        let text = "a < b && c > \"d\"\u{2028}\n";
        let patch = json!([{"op": "test", "path": "/a", "value": text}]);
        let body = body(&serde_json::from_value(patch.clone()).unwrap());
        let written = std::str::from_utf8(&body).unwrap();
        assert!(written.contains(r#""a \u003c b \u0026\u0026 c \u003e \"d\"\u2028\n""#), "{written}");
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), patch);
    }
}
