use std::fmt;

/// Why a text is no condition. It prints the text, a caret under the character where reading stopped, and what was
/// expected there.
///
/// ```
/// # use shepherd_core::guard::Condition;
/// let error = "error_rate > 5 for 2m".parse::<Condition>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "error_rate > 5 for 2m\n              ^ expected `%`\nhelp: error_rate is a share: write 5%",
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardError {
    text: String,
    column: usize,
    expected: String,
    remedy: Option<String>,
}

/// More than this to either side of the caret is not shown: a whole file by mistake must not flood the log.
const SHOWN: usize = 60;

impl GuardError {
    /// `at` is a byte offset into `text`.
    pub(super) fn new(text: &str, at: usize, expected: String, remedy: Option<String>) -> Self {
        let before = text.get(..at).unwrap_or(text).chars().count();
        let skipped = before.saturating_sub(SHOWN);
        let printable = |c: char| if c.is_whitespace() || c.is_control() { ' ' } else { c };
        let shown = text.chars().skip(skipped).take(2 * SHOWN).map(printable);
        Self { text: shown.collect(), column: before - skipped, expected, remedy }
    }

    /// What was expected where reading stopped.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// What to do about it, where that is known.
    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

impl std::error::Error for GuardError {}

impl fmt::Display for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text.trim_end())?;
        write!(f, "{:column$}^ expected {}", "", self.expected, column = self.column)?;
        self.remedy.iter().try_for_each(|remedy| write!(f, "\nhelp: {remedy}"))
    }
}
