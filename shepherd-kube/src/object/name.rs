//! Names of objects: readable, reversible, and allowed by the API server.

use std::fmt::Write;

use shepherd_core::model::Target;
use shepherd_core::ports::PortError;

use super::refused;

/// What the API server allows in one name.
const LONGEST: usize = 253;
const PREFIX: &str = "shepherd-";

/// `shop/web` becomes `shepherd-shop.web`. No two texts have one name: what a name may not hold, and what would be
/// read back as something else, is written as `--` and a number.
pub(crate) fn encode(text: &str) -> Result<String, PortError> {
    let mut name = PREFIX.to_owned();
    let mut before = b'-';
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let between = before != b'-' && bytes.peek().copied().is_some_and(is_plain);
        match byte {
            byte if is_plain(byte) => name.push(char::from(byte)),
            b'-' if between => name.push('-'),
            b'/' if between => name.push('.'),
            // Writing to a String cannot fail.
            byte => drop(write!(name, "--{byte:02x}")),
        }
        before = if byte == b'-' && between { b'-' } else { b'a' };
    }
    if name.len() > LONGEST {
        return Err(refused(
            "object",
            format!("the name {text} is too long: an object's has {LONGEST} characters at most"),
        ));
    }
    Ok(name)
}

/// The target whose record is called so, if one is.
pub(crate) fn decode(name: &str) -> Option<Target> {
    let mut text = String::with_capacity(name.len());
    let mut rest = name.strip_prefix(PREFIX)?;
    while let Some(at) = rest.find(['.', '-']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(number) = rest.strip_prefix("--") {
            text.push(char::from(u8::from_str_radix(number.get(..2)?, 16).ok()?));
            rest = &number[2..];
        } else {
            text.push(if rest.starts_with('.') { '/' } else { '-' });
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    // Only one name is a target's own: a copy under another spelling is not a second record of it.
    (encode(&text).ok()? == name).then(|| text.parse().ok()).flatten()
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 1123, as the API server asks for it.
    fn is_allowed(name: &str) -> bool {
        let is_label = |label: &str| {
            let ends =
                label.bytes().next().is_some_and(is_plain) && label.bytes().last().is_some_and(is_plain);
            ends && label.bytes().all(|byte| is_plain(byte) || byte == b'-')
        };
        name.len() <= LONGEST && name.split('.').all(is_label)
    }

    #[test]
    fn a_name_is_readable() {
        assert_eq!(encode("shop/web").unwrap(), "shepherd-shop.web");
        assert_eq!(encode("eu-1:shop/web-api").unwrap(), "shepherd-eu-1--3ashop.web-api");
        assert_eq!(encode("Shop/we_b.").unwrap(), "shepherd---53hop.we--5fb--2e");
        assert_eq!(encode("deploy-bot-0").unwrap(), "shepherd-deploy-bot-0");
    }

    #[test]
    fn a_name_that_no_server_takes_is_refused() {
        let error = encode(&"a".repeat(250)).unwrap_err().to_string();
        assert!(error.contains("too long"), "{error}");
    }

    #[test]
    fn no_other_name_is_a_target() {
        for name in [
            "web",
            "shepherd-",
            "shepherd--",
            "shepherd---zz",
            "shepherd---77eb",
            "shepherd-a--2fb",
            "shepherd-a b",
        ] {
            assert_eq!(decode(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_target_has_one_name_of_its_own(text in "([a-zA-Z0-9][a-z0-9A-Z_.-]{0,8}:)?[a-zA-Z0-9][a-z0-9A-Z_.-]{0,8}/[a-z0-9A-Z][a-z0-9A-Z_.-]{0,8}") {
            let target: Target = text.parse().unwrap();
            let name = encode(&text).unwrap();
            prop_assert!(is_allowed(&name), "{name}");
            prop_assert_eq!(decode(&name), Some(target));
        }
    }
}
