//! The next step of a track towards what is wanted of it; pure, so that it can be read and tested.

/// A replica that is not on its way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) id: u64,
    /// Whether it runs the revision that is wanted.
    pub(crate) current: bool,
    pub(crate) ready: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) start: usize,
    pub(crate) stop: Vec<u64>,
}

/// How many servers a track may have beyond what is wanted while one revision replaces another.
const SURGE: usize = 1;

/// New servers come first and old ones go only as new ones are ready to take their place, so that a
/// replacement which never gets ready takes nothing away.
pub(crate) fn steps(wanted: usize, members: &[Member]) -> Steps {
    let (current, old): (Vec<Member>, Vec<Member>) = members.iter().partition(|member| member.current);
    let ready = current.iter().filter(|member| member.ready).count();
    let (current, surplus) = keep(wanted, current);
    let (old, replaced) = keep(wanted.saturating_sub(ready), old);

    let missing = wanted.saturating_sub(current);
    let room = if old == 0 { missing } else { (wanted + SURGE).saturating_sub(current + old) };
    Steps { start: missing.min(room), stop: surplus.into_iter().chain(replaced).collect() }
}

/// How many of the members are kept, and which are not: those that serve stay before those that do
/// not, and the older before the younger.
fn keep(count: usize, mut members: Vec<Member>) -> (usize, Vec<u64>) {
    members.sort_by_key(|member| (!member.ready, member.id));
    let rest = members.iter().skip(count).map(|member| member.id).collect();
    (members.len().min(count), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Member = Member { id: 0, current: false, ready: true };

    fn members(list: &[(bool, bool)]) -> Vec<Member> {
        (0..).zip(list).map(|(id, &(current, ready))| Member { id, current, ready }).collect()
    }

    #[test]
    fn an_empty_track_starts_all_at_once() {
        assert_eq!(steps(3, &[]), Steps { start: 3, stop: vec![] });
    }

    #[test]
    fn what_is_as_wanted_is_left_alone() {
        assert_eq!(steps(2, &members(&[(true, true), (true, false)])), Steps::default());
    }

    #[test]
    fn a_surplus_goes_youngest_first_and_unready_before_that() {
        let members = members(&[(true, false), (true, true), (true, true)]);
        assert_eq!(steps(1, &members).stop, [2, 0]);
    }

    #[test]
    fn a_replacement_takes_nothing_away_before_it_is_ready() {
        assert_eq!(steps(2, &members(&[(false, true), (false, true)])), Steps { start: 1, stop: vec![] });
        let waiting = members(&[(false, true), (false, true), (true, false)]);
        assert_eq!(steps(2, &waiting), Steps::default());
        let one_ready = members(&[(false, true), (false, true), (true, true)]);
        assert_eq!(steps(2, &one_ready), Steps { start: 1, stop: vec![1] });
    }

    #[test]
    fn every_replacement_ends_and_never_has_too_few_or_too_many() {
        for (before, wanted) in (0..5).flat_map(|before| (0..5).map(move |wanted| (before, wanted))) {
            let mut members = vec![OLD; before];
            members.iter_mut().zip(0..).for_each(|(member, id)| member.id = id);
            let mut next = 100;
            for _ in 0..20 {
                let steps = steps(wanted, &members);
                members.retain(|member| !steps.stop.contains(&member.id));
                assert!(members.len() >= wanted.min(before), "too few of {before} -> {wanted}");
                assert!(members.iter().filter(|member| member.ready).count() <= wanted.max(before));
                let started = (next..).take(steps.start).map(|id| Member { id, current: true, ready: false });
                members.extend(started);
                assert!(members.len() <= wanted + SURGE, "too many of {before} -> {wanted}");
                next += 10;
                for member in &mut members {
                    member.ready = true;
                }
            }
            assert_eq!(members.len(), wanted);
            assert!(members.iter().all(|member| member.current), "{before} -> {wanted}: {members:?}");
        }
    }
}
