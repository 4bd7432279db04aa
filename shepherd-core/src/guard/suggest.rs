use crate::model::Metric;

/// What somebody who wrote `word` for a metric may have meant.
pub(super) fn suggest(word: &str) -> Option<String> {
    if word.strip_prefix('p').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        return Some("quantiles are p0.1 to p99.9, with at most one digit after the point".into());
    }
    let word = word.to_lowercase().replace('-', "_");
    let near = Metric::NAMES.into_iter().map(|name| (distance(&word, name), name)).min()?;
    let same_start = || Metric::NAMES.into_iter().find(|name| shared(&word, name) >= 4);
    let (far, name) = near;
    let close = far <= (word.chars().count() / 3).min(3);
    let name = if close { Some(name) } else { same_start() };
    name.map(|name| format!("did you mean {name}?"))
}

/// How many letters both begin with.
fn shared(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count()
}

/// How many letters must be put in, left out or changed to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (above, a) in one.chars().enumerate() {
        let mut left = above + 1;
        let mut corner = above;
        for (b, cell) in other.chars().zip(row.iter_mut().skip(1)) {
            let best = (corner + usize::from(a != b)).min(left + 1).min(*cell + 1);
            corner = std::mem::replace(cell, best);
            left = best;
        }
        row.first_mut().into_iter().for_each(|first| *first = above + 1);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_near_miss_and_nothing_else() {
        let cases = [
            ("eror_rate", Some("did you mean error_rate?")),
            ("Error-Rate", Some("did you mean error_rate?")),
            ("errors", Some("did you mean error_rate?")),
            ("memroy", Some("did you mean memory?")),
            ("banana", None),
            ("", None),
        ];
        for (word, wanted) in cases {
            assert_eq!(suggest(word).as_deref(), wanted, "{word}");
        }
    }

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }
}
