//! The grammar:
//!
//! ```text
//! any        = all { "or" all }
//! all        = term { "and" term }
//! term       = ( comparison | "(" any ")" ) [ "for" duration ]
//! comparison = metric ( ">" | ">=" | "<" | "<=" ) ( quantity | number "x" "stable" )
//! ```
//!
//! Every token decides by itself what it is, so nothing is tried twice and an error stands where reading stopped.

use std::time::Duration;

use winnow::combinator::{eof, not, opt, peek, preceded, terminated};
use winnow::error::ParserError;
use winnow::stream::{Location, Stream};
use winnow::token::{any as any_char, one_of, take_till, take_while};
use winnow::{LocatingSlice, Parser, Stateful};

use super::comparison::{Comparison, Operator, Threshold};
use super::condition::{Hold, Term};
use super::quantity::{Decimal, Quantity};
use super::suggest::suggest;
use super::{Condition, GuardError};
use crate::model::{Metric, Unit, human_duration};

/// The longest text that is read, in bytes. Texts may come from strangers.
const LONGEST: usize = 1024;
/// How many parentheses may stand within each other: the depth of every recursion over a condition.
const DEEPEST: usize = 32;
/// How many comparisons a condition may have: each costs time at every reading.
const MOST: usize = 32;
/// Longer than anybody waits; it also catches `5M`, which is five months.
const LONGEST_DURATION: Duration = Duration::from_hours(30 * 24);

const KEYWORDS: [&str; 4] = ["and", "or", "for", "stable"];

type Input<'t> = Stateful<LocatingSlice<&'t str>, Draft>;
type Parsed<T> = Result<T, Issue>;

/// What has been read so far.
#[derive(Debug, Default)]
struct Draft {
    comparisons: Vec<Comparison>,
    holds: usize,
    depth: usize,
    /// Whether a `for` could follow.
    may_hold: bool,
}

#[derive(Debug, Default)]
struct Issue {
    at: usize,
    expected: String,
    remedy: Option<String>,
}

impl ParserError<Input<'_>> for Issue {
    type Inner = Self;

    fn from_input(input: &Input<'_>) -> Self {
        Issue { at: input.current_token_start(), ..Issue::default() }
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

impl Issue {
    fn new(at: usize, expected: impl Into<String>) -> Self {
        Self { at, expected: expected.into(), remedy: None }
    }

    fn help(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

/// Reads a condition.
pub(super) fn condition(text: &str) -> Result<Condition, GuardError> {
    checked(text).map_err(|issue| GuardError::new(text, issue.at, issue.expected, issue.remedy))
}

fn checked(text: &str) -> Parsed<Condition> {
    let short = || format!("at most {LONGEST} bytes");
    let split = "make several guards of it";
    if text.len() > LONGEST {
        return Err(Issue::new(text.floor_char_boundary(LONGEST), short()).help(split));
    }
    let mut input = Stateful { input: LocatingSlice::new(text), state: Draft::default() };
    let root = any(&mut input)?;
    end(&mut input)?;
    let Draft { comparisons, holds, .. } = input.state;
    let condition = Condition { comparisons, holds, root };
    // What is printed must read back, and it has spaces that the text may lack.
    if condition.to_string().len() > LONGEST {
        return Err(Issue::new(text.len(), short() + " when written with spaces").help(split));
    }
    Ok(condition)
}

fn end(input: &mut Input<'_>) -> Parsed<()> {
    spaces(input)?;
    eof.void().parse_next(input).map_err(|issue: Issue| after_term(input, issue.at, "the end"))
}

fn any(input: &mut Input<'_>) -> Parsed<Term> {
    let mut terms = vec![all(input)?];
    while keyword(input, "or") {
        terms.push(all(input)?);
    }
    Ok(Term::any(terms))
}

fn all(input: &mut Input<'_>) -> Parsed<Term> {
    let mut terms = vec![term(input)?];
    while keyword(input, "and") {
        terms.push(term(input)?);
    }
    Ok(Term::all(terms))
}

fn term(input: &mut Input<'_>) -> Parsed<Term> {
    spaces(input)?;
    let mut term = if is_next(input, '(') { group(input)? } else { comparison(input)? };
    input.state.may_hold = term.hold.is_none();
    if term.hold.is_none() && keyword(input, "for") {
        term.hold = Some(hold(input)?);
        input.state.may_hold = false;
    }
    Ok(term)
}

fn group(input: &mut Input<'_>) -> Parsed<Term> {
    let at = input.current_token_start();
    if input.state.depth == DEEPEST {
        return Err(Issue::new(at, format!("at most {DEEPEST} parentheses within each other")));
    }
    '('.void().parse_next(input)?;
    input.state.depth += 1;
    let inner = any(input)?;
    spaces(input)?;
    ')'.void().parse_next(input).map_err(|issue: Issue| after_term(input, issue.at, "`)`"))?;
    input.state.depth -= 1;
    Ok(inner)
}

fn hold(input: &mut Input<'_>) -> Parsed<Hold> {
    spaces(input)?;
    let at = input.current_token_start();
    let needed = duration(input, "for")?;
    if needed.is_zero() {
        let remedy = "leave it out to fire at the first reading that is true";
        return Err(Issue::new(at, "a duration above 0s").help(remedy));
    }
    let slot = input.state.holds;
    input.state.holds += 1;
    Ok(Hold { slot, needed })
}

fn comparison(input: &mut Input<'_>) -> Parsed<Term> {
    let at = input.current_token_start();
    let place = input.state.comparisons.len();
    if place == MOST {
        return Err(Issue::new(at, format!("at most {MOST} comparisons")).help("make several guards of it"));
    }
    let metric = metric(input)?;
    let operator = operator(input)?;
    let threshold = threshold(input, &metric, operator)?;
    input.state.comparisons.push(Comparison { metric, operator, threshold });
    Ok(Term::leaf(place))
}

fn metric(input: &mut Input<'_>) -> Parsed<Metric> {
    let at = input.current_token_start();
    let word = take_while(0.., is_word).parse_next(input)?;
    if word == "query" {
        return query(input);
    }
    word.parse().map_err(|_| {
        let issue = Issue::new(at, format!("a metric: {} or query(NAME)", Metric::NAMES.join(", ")));
        match suggest(word).filter(|_| !KEYWORDS.contains(&word)) {
            Some(remedy) => issue.help(remedy),
            None => issue,
        }
    })
}

fn query(input: &mut Input<'_>) -> Parsed<Metric> {
    spaces(input)?;
    '('.void().parse_next(input).map_err(|issue: Issue| {
        Issue::new(issue.at, "`(`").help("write query(NAME) with the name that your source knows it by")
    })?;
    spaces(input)?;
    let at = input.current_token_start();
    let name = take_till(0.., ')').parse_next(input)?;
    let refused = |_| Issue::new(at, "a name of letters, digits and any of _ - . :");
    let metric = format!("query({name})").parse().map_err(refused)?;
    ')'.void().parse_next(input).map_err(|issue: Issue| Issue::new(issue.at, "`)`"))?;
    Ok(metric)
}

fn operator(input: &mut Input<'_>) -> Parsed<Operator> {
    spaces(input)?;
    let first = one_of(['>', '<']).parse_next(input).map_err(|issue: Issue| {
        let wrong = Issue::new(issue.at, "`>`, `>=`, `<` or `<=`");
        let equality = is_next(input, '=') || is_next(input, '!');
        if equality {
            wrong.help("what is measured is never quite equal: say from where on it is bad")
        } else {
            wrong
        }
    })?;
    let or_equal = opt('=').parse_next(input)?.is_some();
    Ok(match (first, or_equal) {
        ('>', false) => Operator::Above,
        ('>', true) => Operator::AtLeast,
        (_, false) => Operator::Below,
        (_, true) => Operator::AtMost,
    })
}

fn threshold(input: &mut Input<'_>, metric: &Metric, operator: Operator) -> Parsed<Threshold> {
    spaces(input)?;
    let (at, start) = (input.current_token_start(), input.checkpoint());
    let example = match metric.unit() {
        Unit::Share => "a share such as 5%",
        Unit::Seconds => "a duration such as 500ms",
        Unit::PerSecond => "a rate such as 10/s",
        Unit::Bytes => "a size such as 512MiB",
        Unit::Plain => "a number such as 3",
    };
    let (number, _) = number(input, &format!("{example}, or a multiple such as 2x stable"))?;
    if unit_sign(input, 'x') {
        return relative(input, at, number);
    }
    let quantity = match metric.unit() {
        Unit::Share => share(input, metric, number)?,
        Unit::PerSecond => rate(input, metric, number)?,
        Unit::Bytes => bytes(input, at, number)?,
        Unit::Plain if matches!(metric, Metric::Query(_)) && unit_sign(input, '%') => Quantity::Share(number),
        Unit::Plain => Quantity::Plain(number),
        Unit::Seconds => {
            input.reset(&start);
            Quantity::Latency(duration(input, &metric.to_string())?)
        }
    };
    sensible(at, operator, quantity).map(Threshold::Fixed)
}

fn relative(input: &mut Input<'_>, at: usize, factor: Decimal) -> Parsed<Threshold> {
    if factor.is_zero() {
        return Err(Issue::new(at, "a factor above 0"));
    }
    spaces(input)?;
    let missing = Issue::new(input.current_token_start(), "`stable`").help(format!("write {factor}x stable"));
    if keyword(input, "stable") { Ok(Threshold::Stable(factor)) } else { Err(missing) }
}

/// A share that is always or never beyond its threshold is a mistake.
fn sensible(at: usize, operator: Operator, quantity: Quantity) -> Parsed<Quantity> {
    let Quantity::Share(percent) = quantity else { return Ok(quantity) };
    let (none, every) = (percent.is_zero(), percent == Decimal::HUNDRED);
    let refused = |outcome: &str| {
        let remedy = format!("shares are from 0% to 100%, so `{operator} {quantity}` is {outcome} true");
        Err(Issue::new(at, "a share that tells good from bad").help(remedy))
    };
    match operator {
        _ if percent > Decimal::HUNDRED => Err(Issue::new(at, "a share from 0% to 100%")),
        Operator::Above if every => refused("never"),
        Operator::Below if none => refused("never"),
        Operator::AtLeast if none => refused("always"),
        Operator::AtMost if every => refused("always"),
        _ => Ok(quantity),
    }
}

fn share(input: &mut Input<'_>, metric: &Metric, number: Decimal) -> Parsed<Quantity> {
    let at = input.current_token_start();
    if unit_sign(input, '%') {
        return Ok(Quantity::Share(number));
    }
    // Who writes 0.05 may mean 5% as well as 0.05%.
    let fraction = number.is_below_one() && !number.is_zero();
    let instead = if fraction { format!("{}% or ", number.in_percent()) } else { String::new() };
    Err(Issue::new(at, "`%`").help(format!("{metric} is a share: write {instead}{number}%")))
}

fn rate(input: &mut Input<'_>, metric: &Metric, number: Decimal) -> Parsed<Quantity> {
    let at = input.current_token_start();
    if keyword(input, "/s") {
        return Ok(Quantity::Rate(number));
    }
    Err(Issue::new(at, "`/s`").help(format!("{metric} counts requests a second: write {number}/s")))
}

fn bytes(input: &mut Input<'_>, start: usize, number: Decimal) -> Parsed<Quantity> {
    let at = input.current_token_start();
    let unit = unit_word(input)?.unwrap_or("B");
    let known = ["B", "KiB", "MiB", "GiB", "TiB"];
    if known.contains(&unit) {
        let refused =
            || Issue::new(start, "a whole number of bytes that can be told").help("write it like 512MiB");
        return Quantity::bytes(number, unit).ok_or_else(refused);
    }
    let issue = Issue::new(at, "B, KiB, MiB, GiB or TiB");
    let near = |name: &&&str| unit.chars().next().is_some_and(|c| name.starts_with(c.to_ascii_uppercase()));
    Err(match known.iter().find(near) {
        Some(near) => issue.help(format!("write {number}{near}")),
        None => issue,
    })
}

/// `1h30m`, also with spaces: nothing else that may follow begins with a digit.
fn duration(input: &mut Input<'_>, of: &str) -> Parsed<Duration> {
    let at = input.current_token_start();
    let mut sum = Duration::ZERO;
    loop {
        let piece = piece(input, of)?;
        let limit = format!("a duration of at most {}", human_duration::show(LONGEST_DURATION));
        sum = sum.checked_add(piece).filter(|sum| *sum <= LONGEST_DURATION).ok_or(Issue::new(at, limit))?;
        let start = input.checkpoint();
        spaces(input)?;
        if peek(one_of::<_, _, Issue>('0'..='9')).parse_next(input).is_err() {
            input.reset(&start);
            return Ok(sum);
        }
    }
}

fn piece(input: &mut Input<'_>, of: &str) -> Parsed<Duration> {
    let (number, text) = number(input, "a duration such as 90s, 5m or 1h30m")?;
    let at = input.current_token_start();
    let unit = unit_word(input)?.ok_or_else(|| {
        let remedy =
            if of == "for" { "`for` takes a duration".into() } else { format!("{of} is a duration") };
        Issue::new(at, "a unit: ms, s, m, h or d").help(format!("{remedy}: write {number}ms or {number}s"))
    })?;
    humantime::parse_duration(&format!("{text}{unit}"))
        .map_err(|_| Issue::new(at, "a unit: ms, s, m, h or d"))
}

fn number<'t>(input: &mut Input<'t>, expected: &str) -> Parsed<(Decimal, &'t str)> {
    let at = input.current_token_start();
    let start = input.checkpoint();
    let digits = || take_while(1.., '0'..='9');
    let whole = digits().parse_next(input).map_err(|issue: Issue| not_a_number(input, issue.at, expected))?;
    let part = if is_next(input, '.') {
        let refused = |issue: Issue| Issue::new(issue.at, "a digit after the point");
        preceded('.', digits()).parse_next(input).map_err(refused)?
    } else {
        ""
    };
    let number = Decimal::of(whole, part).ok_or_else(|| {
        let (before, after) = (Decimal::WHOLE_DIGITS, Decimal::PART_DIGITS);
        Issue::new(at, format!("a number of at most {before} digits before and {after} after the point"))
    })?;
    let length = input.current_token_start() - at;
    input.reset(&start);
    let text = winnow::token::take(length).parse_next(input)?;
    Ok((number, text))
}

fn not_a_number(input: &mut Input<'_>, at: usize, expected: &str) -> Issue {
    let issue = Issue::new(at, expected);
    if is_next(input, '-') {
        issue.help("nothing that is measured here is below zero")
    } else if keyword(input, "stable") {
        issue.help("say how many times: 1x stable, 2x stable")
    } else {
        issue
    }
}

/// What may follow a term, and `closing`.
fn after_term(input: &mut Input<'_>, at: usize, closing: &str) -> Issue {
    let hold = if input.state.may_hold { "`for`, " } else { "" };
    let issue = Issue::new(at, format!("{hold}`and`, `or` or {closing}"));
    let word: Parsed<&str> = take_while(1.., is_word).parse_next(input);
    let lower = word.unwrap_or_default().to_lowercase();
    if lower == "for" && !input.state.may_hold {
        issue.help("this already has a `for`")
    } else if KEYWORDS.contains(&lower.as_str()) {
        issue.help(format!("write {lower} in small letters"))
    } else {
        issue
    }
}

/// A unit in letters; a keyword is none.
fn unit_word<'t>(input: &mut Input<'t>) -> Parsed<Option<&'t str>> {
    let start = input.checkpoint();
    spaces(input)?;
    let word: &str = take_while(0.., char::is_alphabetic).parse_next(input)?;
    if word.is_empty() || KEYWORDS.contains(&word) {
        input.reset(&start);
        return Ok(None);
    }
    Ok(Some(word))
}

/// Takes the sign of a unit when it comes next.
fn unit_sign(input: &mut Input<'_>, sign: char) -> bool {
    let found: Parsed<Option<char>> = opt(preceded(spaces, sign)).parse_next(input);
    found.is_ok_and(|sign| sign.is_some())
}

/// Takes the word when it comes next and does not go on.
fn keyword(input: &mut Input<'_>, word: &'static str) -> bool {
    let alone = terminated(preceded(spaces, word), not(one_of(is_word)));
    let found: Parsed<Option<&str>> = opt(alone).parse_next(input);
    found.is_ok_and(|word| word.is_some())
}

fn is_next(input: &mut Input<'_>, wanted: char) -> bool {
    let next: Parsed<char> = peek(any_char).parse_next(input);
    next.is_ok_and(|next| next == wanted)
}

fn spaces(input: &mut Input<'_>) -> Parsed<()> {
    take_while(0.., char::is_whitespace).void().parse_next(input)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-')
}

#[cfg(test)]
mod tests;
