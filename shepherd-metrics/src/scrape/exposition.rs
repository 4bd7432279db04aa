//! The Prometheus text format, read line by line without copying it.
//!
//! Why a parser of our own: the permissively licensed crates of today are not good enough to stop a rollout with.
//! `prometheus-parse` splits labels at every comma and drops what it does not understand, so `path="/a,b"` loses its
//! labels and two series become one; `prom_text_format_parser` holds the whole page as owned strings, refuses empty
//! braces and exemplars, and has seen one release. The format is small and winnow is already in the tree of the core.

use std::borrow::Cow;

use winnow::Parser;
use winnow::ascii::space0;
use winnow::combinator::{cut_err, delimited, eof, opt, preceded, separated, terminated};
use winnow::error::{ContextError, StrContext, StrContextValue};
use winnow::token::{any, one_of, rest, take_till, take_while};

/// One sample of a page.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample<'a> {
    pub(crate) name: &'a str,
    /// Sorted by name, so that the same series always looks the same.
    pub(crate) labels: Labels<'a>,
    /// As written: it may be infinite or not a number.
    pub(crate) value: f64,
}

pub(crate) type Labels<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// A page that does not speak the format. It says where, and never quotes the page, which may hold anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("line {line}, column {column}: expected {expected}")]
    Line { line: usize, column: usize, expected: &'static str },
    #[error("line {line}: the label `{label}` is given twice")]
    LabelTwice { line: usize, label: String },
    #[error("the last line does not end with a line feed, so the page was cut off")]
    CutOff,
}

/// The samples of a page, in its order. The first line that cannot be read makes the whole page suspect.
pub(crate) fn samples(page: &str) -> impl Iterator<Item = Result<Sample<'_>, Malformed>> {
    let cut_off = !page.is_empty() && !page.ends_with('\n');
    let lines = page.lines().enumerate().filter(|(_, line)| holds_a_sample(line));
    // First, because half a number is a number, too: `12` of `1234` would look like a reset.
    cut_off
        .then_some(Err(Malformed::CutOff))
        .into_iter()
        .chain(lines.map(|(index, line)| read(index + 1, line)))
}

fn holds_a_sample(line: &str) -> bool {
    let line = line.trim_start();
    // Help, types and units are comments to us: who asks for a metric says what it is.
    !line.is_empty() && !line.starts_with('#')
}

fn read(number: usize, line: &str) -> Result<Sample<'_>, Malformed> {
    let mut found = sample.parse(line).map_err(|error| Malformed::Line {
        line: number,
        column: line.get(..error.offset()).map_or(0, |before| before.chars().count()) + 1,
        expected: expected(error.inner()),
    })?;
    found.labels.sort_unstable_by_key(|(name, _)| *name);
    match found.labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(Malformed::LabelTwice { line: number, label: pair[0].0.to_owned() }),
        None => Ok(found),
    }
}

fn expected(error: &ContextError) -> &'static str {
    let described = error.context().find_map(|context| match context {
        StrContext::Expected(StrContextValue::Description(text)) => Some(*text),
        _ => None,
    });
    described.unwrap_or("a sample such as `name{label=\"value\"} 1`")
}

fn wanted(what: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(what))
}

fn sample<'a>(input: &mut &'a str) -> winnow::ModalResult<Sample<'a>> {
    let name = preceded(space0, metric_name).parse_next(input)?;
    let labels = preceded(space0, opt(labels)).parse_next(input)?.unwrap_or_default();
    let value = preceded(space0, number).context(wanted("a number as the value")).parse_next(input)?;
    let _timestamp = (space0, opt(number)).parse_next(input)?;
    (space0, opt(exemplar), eof).context(wanted("the end of the line")).parse_next(input)?;
    Ok(Sample { name, labels, value })
}

fn metric_name<'a>(input: &mut &'a str) -> winnow::ModalResult<&'a str> {
    (one_of(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':'), take_while(0.., is_in_name))
        .take()
        .context(wanted("a metric name"))
        .parse_next(input)
}

fn is_in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn labels<'a>(input: &mut &'a str) -> winnow::ModalResult<Labels<'a>> {
    let list = separated(0.., label, (space0, ',', space0));
    let closing = (space0, opt((',', space0)), '}').context(wanted("`,` or `}` after a label"));
    delimited(('{', space0), list, cut_err(closing)).parse_next(input)
}

fn label<'a>(input: &mut &'a str) -> winnow::ModalResult<(&'a str, Cow<'a, str>)> {
    let name = terminated(metric_name, (space0, '=', space0));
    (name, cut_err(quoted.context(wanted("a label value in double quotes")))).parse_next(input)
}

/// Borrowed unless it holds an escape, which is rare.
fn quoted<'a>(input: &mut &'a str) -> winnow::ModalResult<Cow<'a, str>> {
    '"'.parse_next(input)?;
    let mut value = Cow::Borrowed(plain(input)?);
    while any.parse_next(input)? == '\\' {
        match any.parse_next(input)? {
            'n' => value.to_mut().push('\n'),
            escaped @ ('"' | '\\') => value.to_mut().push(escaped),
            // Unknown escapes stand for themselves, as they do in Prometheus.
            other => value.to_mut().extend(['\\', other]),
        }
        value.to_mut().push_str(plain(input)?);
    }
    Ok(value)
}

fn plain<'a>(input: &mut &'a str) -> winnow::ModalResult<&'a str> {
    take_till(0.., ['"', '\\']).parse_next(input)
}

fn number(input: &mut &str) -> winnow::ModalResult<f64> {
    take_while(1.., |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c)).parse_to().parse_next(input)
}

/// Only `OpenMetrics` writes these, and some servers answer it although we ask for the plain format.
fn exemplar<'a>(input: &mut &'a str) -> winnow::ModalResult<&'a str> {
    preceded('#', rest).parse_next(input)
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole numbers are exact")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(line: &str) -> Sample<'_> {
        read(1, line).unwrap()
    }

    fn labels_of(line: &str) -> Vec<(&str, String)> {
        one(line).labels.into_iter().map(|(name, value)| (name, value.into_owned())).collect()
    }

    #[test]
    fn a_page_is_its_samples() {
        let page = "# HELP up Whether it is up.\n# TYPE up gauge\n\nup 1\n  jobs:done{a=\"b\"} 2.5e1 1395066363000\r\n# EOF\n";
        let all: Vec<_> = samples(page).map(Result::unwrap).map(|s| (s.name, s.value)).collect();
        assert_eq!(all, [("up", 1.0), ("jobs:done", 25.0)]);
    }

    #[test]
    fn label_values_may_hold_what_the_format_itself_uses() {
        assert_eq!(
            labels_of(r#"m{path="/a=b,c}{ #\"x\"",win="C:\\d\\n",two="a\nb",odd="\d"} 1"#),
            [
                ("odd", "\\d".to_owned()),
                ("path", "/a=b,c}{ #\"x\"".to_owned()),
                ("two", "a\nb".to_owned()),
                ("win", "C:\\d\\n".to_owned()),
            ]
        );
    }

    #[test]
    fn braces_may_be_empty_spaced_or_end_with_a_comma() {
        assert_eq!(labels_of("m{} 1"), []);
        assert_eq!(labels_of("m { a = \"1\" , } 1"), [("a", "1".to_owned())]);
        assert_eq!(labels_of("m{a=\"1\",} 1"), [("a", "1".to_owned())]);
    }

    #[test]
    fn labels_are_sorted_so_that_order_does_not_make_another_series() {
        assert_eq!(one("m{b=\"2\",a=\"1\"} 1"), one("m{a=\"1\",b=\"2\"} 1"));
    }

    #[test]
    fn numbers_of_every_kind_are_read() {
        assert!(one("m NaN").value.is_nan());
        assert_eq!(one("m +Inf").value, f64::INFINITY);
        assert_eq!(one("m -Inf").value, f64::NEG_INFINITY);
        assert_eq!(one("m 1.7e-05").value, 0.000_017);
        assert_eq!(one("m_total 3 1520879607.789").value, 3.0);
    }

    #[test]
    fn an_exemplar_is_passed_over() {
        assert_eq!(one("m_bucket{le=\"1\"} 3 # {trace_id=\"ab\"} 0.67 1520879607.789").value, 3.0);
    }

    fn mistake(line: &str) -> String {
        read(7, line).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        assert_eq!(mistake("<html>"), "line 7, column 1: expected a metric name");
        assert_eq!(mistake("m{a=1} 2"), "line 7, column 5: expected a label value in double quotes");
        assert_eq!(mistake("m{a=\"1\" b} 2"), "line 7, column 9: expected `,` or `}` after a label");
        assert_eq!(mistake("m one"), "line 7, column 3: expected a number as the value");
        assert_eq!(mistake("m 1 2 3"), "line 7, column 7: expected the end of the line");
        assert_eq!(mistake("m{a=\"1\",a=\"2\"} 1"), "line 7: the label `a` is given twice");
    }

    #[test]
    fn a_page_without_its_last_line_feed_was_cut_off() {
        assert_eq!(samples("a 1\nb 12").next(), Some(Err(Malformed::CutOff)));
        assert_eq!(samples("").next(), None);
    }

    proptest! {
        #[test]
        fn no_page_makes_the_parser_panic(page in "[ -~\\n\u{e9}\\\\\"{}=,#]{0,80}\\n") {
            let _ = samples(&page).count();
        }

        #[test]
        fn every_label_value_survives(value in "\\PC*") {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let line = format!("m{{l=\"{escaped}\"}} 1");
            prop_assert_eq!(labels_of(&line), [("l", value)]);
        }
    }
}
