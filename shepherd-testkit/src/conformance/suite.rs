//! From a list of promises to tests, and to functions that run them all.

use super::Broken;

/// Runs one promise to its end; what the conformance macros expand to.
///
/// # Panics
/// When the promise is broken, in words; and when no runtime can be started.
pub fn keeps(promise: impl Future<Output = Result<(), Broken>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map(|runtime| runtime.block_on(promise)) {
        Ok(Ok(())) => {}
        Ok(Err(broken)) => panic!("{broken}"),
        Err(error) => panic!("no runtime could be started: {error}"),
    }
}

/// One test for each promise of a list.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ({ $name:ident $port:ident $make:expr } $($promise:ident)+) => {
        mod $name {
            #[allow(unused_imports, reason = "the fixture may be named by a path of its own")]
            use super::*;

            $(
                #[test]
                fn $promise() {
                    $crate::conformance::keeps(async {
                        let fixture = ($make)();
                        $crate::conformance::$port::$promise(&fixture).await
                    });
                }
            )+
        }
    };
}

/// What a list of promises finds broken, each with a fixture of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_broken {
    ({ $port:ident $make:ident } $($promise:ident)+) => {{
        let mut broken = Vec::new();
        $(
            let fixture = $make();
            broken.extend($crate::conformance::$port::$promise(&fixture).await.err());
        )+
        broken
    }};
}

/// The names of a list of promises.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_names {
    ({} $($promise:ident)+) => { &[$(stringify!($promise)),+] };
}

/// Gives a port its list of promises: the macro that adapters call, and what the suite itself makes of the list.
macro_rules! suite {
    ($list:ident $port:ident $fixture:ident) => {
        #[cfg(test)]
        pub(super) const PROMISES: &[&str] = $crate::$list!(__conformance_names {});

        /// Runs the whole suite and answers every promise that is broken, for runners of your own.
        pub async fn broken<F: $fixture>(make: impl Fn() -> F) -> Vec<$crate::conformance::Broken> {
            $crate::$list!(__conformance_broken { $port make })
        }
    };
}
pub(super) use suite;
