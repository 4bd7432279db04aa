use std::sync::Mutex;
use std::sync::PoisonError;

use super::server::Identity;

/// What a pod has answered.
#[derive(Debug, Default)]
pub(super) struct Meter {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    answered: u64,
    failed: u64,
    /// What is owed of failures: a whole one is due.
    owed: f64,
}

impl Meter {
    /// Whether the next request fails, so that failures are spread evenly.
    pub(super) fn next_fails(&self, errors: f64) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.answered += 1;
        counts.owed += errors;
        // Sums of tenths fall a little short of the whole.
        let fails = counts.owed > 1.0 - 1e-6;
        if fails {
            counts.owed -= 1.0;
            counts.failed += 1;
        }
        fails
    }

    /// As Prometheus reads it.
    pub(super) fn page(&self, identity: &Identity) -> String {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Identity { pod, image } = identity;
        let (well, failed) = (counts.answered - counts.failed, counts.failed);
        format!(
            "# TYPE http_requests_total counter\n\
             http_requests_total{{pod=\"{pod}\",image=\"{image}\",code=\"200\"}} {well}\n\
             http_requests_total{{pod=\"{pod}\",image=\"{image}\",code=\"500\"}} {failed}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_ten_requests_exactly_the_part_fails() {
        let meter = Meter::default();
        for _ in 0..5 {
            assert_eq!((0..10).filter(|_| meter.next_fails(0.3)).count(), 3);
        }
        let page = meter.page(&Identity { pod: "web-1".to_owned(), image: "shop:v2".to_owned() });
        assert!(page.contains("{pod=\"web-1\",image=\"shop:v2\",code=\"500\"} 15"), "{page}");
        assert!(!(0..100).any(|_| meter.next_fails(0.0)));
    }
}
