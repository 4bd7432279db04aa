//! A cookie of one value, as a pattern that the whole header of cookies must fit.

use shepherd_core::model::Match;

/// A cookie stands between others, or alone.
const BEFORE: &str = "^(.*;\\s*)?";
const AFTER: &str = "(;.*)?$";

pub(crate) fn pattern_of(name: &str, value: &str) -> String {
    format!("{BEFORE}{}={}{AFTER}", escaped(name), escaped(value))
}

/// The cookie that a pattern was made for; none when it is somebody else's.
pub(crate) fn cookie_of(pattern: &str) -> Option<Match> {
    let pair = pattern.strip_prefix(BEFORE)?.strip_suffix(AFTER)?;
    // A name of a cookie has no `=`; its value may.
    let (name, value) = pair.split_once('=')?;
    Some(Match::Cookie { name: unescaped(name), value: unescaped(value) })
}

fn escaped(text: &str) -> String {
    let special = |c: char| c.is_ascii_punctuation() && !matches!(c, '_' | '-' | '=');
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

fn unescaped(text: &str) -> String {
    let mut escape = false;
    let keep = |c: &char| {
        escape = *c == '\\' && !escape;
        !escape
    };
    text.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_dot_is_a_dot() {
        assert_eq!(pattern_of("group", "b.2"), "^(.*;\\s*)?group=b\\.2(;.*)?$");
        assert_eq!(cookie_of("^(.*;)?group=b(;.*)?$"), None);
    }

    proptest! {
        #[test]
        fn is_read_as_it_was_written(name in "[!-~&&[^=;]]{1,8}", value in "[ -~&&[^;]]{0,8}") {
            let cookie = Match::Cookie { name: name.clone(), value: value.clone() };
            prop_assert_eq!(cookie_of(&pattern_of(&name, &value)), Some(cookie));
        }
    }
}
