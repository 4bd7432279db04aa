use std::time::Duration;

use super::script::{OUT_OF_MEMORY, PodScript};

/// The usual ways of going wrong, each named at the end of an image's name: a rollout from `shop:v1` to
/// `shop:v2-crashing` crash loops, and nothing else in the manifests tells of it. They add up:
/// `shop:v2-slow-start-erroring`.
///
/// ```
/// use shepherd_testkit::cluster::Behaviour;
///
/// assert_eq!(Behaviour::Crashing.image("shop:v2"), "shop:v2-crashing");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// `-slow-start`: listens, and is ready, 5 s after it was started; named twice, 10 s after, and so on.
    SlowStart,
    /// `-unready`: runs and listens, and its readiness check fails.
    Unready,
    /// `-crashing`: ends with exit code 1 as soon as it is started: `CrashLoopBackOff`.
    Crashing,
    /// `-oom`: ends with exit code 137 as soon as it is started: `OOMKilled`, then `CrashLoopBackOff`.
    OutOfMemory,
    /// `-unpullable`: `ErrImagePull`, then `ImagePullBackOff`.
    Unpullable,
    /// `-hanging`: does not listen when it is told to end, and stays until its grace period is over.
    Hanging,
    /// `-erroring`: answers three of ten requests with 500.
    Erroring,
    /// `-slow`: answers after 500 ms.
    Slow,
}

impl Behaviour {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::SlowStart,
        Self::Unready,
        Self::Crashing,
        Self::OutOfMemory,
        Self::Unpullable,
        Self::Hanging,
        Self::Erroring,
        Self::Slow,
    ];

    /// What an image's name ends with.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::SlowStart => "-slow-start",
            Self::Unready => "-unready",
            Self::Crashing => "-crashing",
            Self::OutOfMemory => "-oom",
            Self::Unpullable => "-unpullable",
            Self::Hanging => "-hanging",
            Self::Erroring => "-erroring",
            Self::Slow => "-slow",
        }
    }

    /// An image that behaves so.
    pub fn image(self, image: &str) -> String {
        format!("{image}{}", self.suffix())
    }

    /// The same in particular.
    pub fn script(self) -> PodScript {
        self.add_to(PodScript::new())
    }

    /// What an image does by its name.
    pub fn script_of(image: &str) -> PodScript {
        let (mut script, mut rest) = (PodScript::new(), image);
        while let Some((behaviour, shorter)) =
            Self::ALL.iter().find_map(|one| Some((one, rest.strip_suffix(one.suffix())?)))
        {
            (script, rest) = (behaviour.add_to(script), shorter);
        }
        script
    }

    fn add_to(self, script: PodScript) -> PodScript {
        match self {
            Self::SlowStart => {
                let start = script.start + Duration::from_secs(5);
                script.starts_in(start)
            }
            Self::Unready => script.never_ready(),
            Self::Crashing => script.exits(1, Duration::ZERO),
            Self::OutOfMemory => script.exits(OUT_OF_MEMORY, Duration::ZERO),
            Self::Unpullable => script.cannot_be_pulled(),
            Self::Hanging => script.ignores_termination(),
            Self::Erroring => script.fails_requests(0.3),
            Self::Slow => script.answers_in(Duration::from_millis(500)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_says_what_it_does() {
        for one in Behaviour::ALL {
            assert_eq!(
                Behaviour::script_of(&one.image("registry:5000/shop/web:v2")),
                one.script(),
                "{one:?}"
            );
        }
        assert_eq!(Behaviour::script_of("shop:v2"), PodScript::new());
        assert_eq!(Behaviour::script_of("crashing:v2"), PodScript::new());
        let both = Behaviour::script_of("shop:v2-slow-start-erroring");
        assert_eq!(both, PodScript::new().starts_in(Duration::from_secs(5)).fails_requests(0.3));
        let slower = Behaviour::script_of("shop:v2-slow-start-slow-start");
        assert_eq!(slower, PodScript::new().starts_in(Duration::from_secs(10)));
    }
}
