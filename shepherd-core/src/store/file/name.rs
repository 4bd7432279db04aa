//! The name of a target's directory: readable, reversible, and never a path.

use std::fmt::Write;

use crate::model::Target;
use crate::ports::{PortError, StoreError};

use super::trouble::BACKEND;

/// What file systems allow in one name.
const LONGEST: usize = 255;

/// `Shop/web` becomes `%53hop%2fweb`. Capitals are written as numbers too, since some file systems fold case and two
/// targets must never share a directory.
pub(super) fn encode(target: &Target) -> Result<String, StoreError> {
    let name = escape(&target.to_string());
    if name.len() > LONGEST {
        let message = format!("the name of {target} is too long for a file: {LONGEST} bytes are allowed");
        return Err(PortError::permanent(BACKEND, message).into());
    }
    Ok(name)
}

/// The target that is encoded as `name`, if one is.
pub(super) fn decode(name: &str) -> Option<Target> {
    let mut text = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        let byte = u8::from_str_radix(rest.get(at + 1..at + 3)?, 16).ok()?;
        text.push(char::from(byte));
        rest = &rest[at + 3..];
    }
    text.push_str(rest);
    let target = text.parse().ok()?;
    // Only one name is a target's own: a copy under another spelling is not a second record of it.
    (escape(&text) == name).then_some(target)
}

fn escape(text: &str) -> String {
    let mut name = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte) {
            name.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(name, "%{byte:02x}");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_one_name_that_is_no_path() {
        for text in ["web", "shop/web", "eu-1:shop/web", "Web", "web.json", "a_b-c.d/E"] {
            let target: Target = text.parse().unwrap();
            let name = encode(&target).unwrap();
            assert!(!name.contains(['/', ':']) && name == name.to_lowercase(), "{name}");
            assert_eq!(decode(&name), Some(target));
        }
        assert_eq!(encode(&"shop/Web".parse().unwrap()).unwrap(), "shop%2f%57eb");
    }

    #[test]
    fn no_other_name_is_a_target() {
        for name in
            ["", ".probe", "..", "%", "%2", "%zz", "%77eb", "shop%2Fweb", "Web", "a b", "%c3%a9", "é", "%é"]
        {
            assert_eq!(decode(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_that_no_file_system_holds_is_refused() {
        let long = format!("{}/{}", "a".repeat(130), "b".repeat(130));
        let error = encode(&long.parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains("too long"), "{error}");
    }
}
