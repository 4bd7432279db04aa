use std::env;
use std::path::{Path, PathBuf};

use super::error::ClusterError;

/// The folder's name below cargo's target directory.
const FOLDER: &str = "control-plane";

/// Where the programs of the control plane are.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    chosen: String,
}

impl Programs {
    /// Those in a folder that the caller names.
    pub(super) fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), chosen: "the folder that was given".to_owned() }
    }

    /// Those of `KUBEBUILDER_ASSETS`, of `SHEPHERD_CONTROL_PLANE`, or those that `just control-plane` built.
    pub(super) fn find() -> Result<Self, ClusterError> {
        for variable in ["KUBEBUILDER_ASSETS", "SHEPHERD_CONTROL_PLANE"] {
            if let Some(folder) = env::var_os(variable).filter(|folder| !folder.is_empty()) {
                return Ok(Self {
                    folder: folder.into(),
                    chosen: format!(
                        "{variable} names that folder; unset, it is where `just control-plane` builds"
                    ),
                });
            }
        }
        let places = built_places();
        match places.iter().find(|place| place.is_dir()) {
            Some(folder) => {
                Ok(Self { folder: folder.clone(), chosen: "where `just control-plane` builds".to_owned() })
            }
            None => Err(ClusterError::NoPrograms { looked: places }),
        }
    }

    /// An error that names those that are not there.
    pub(super) fn require(&self, names: &[&str]) -> Result<(), ClusterError> {
        let missing: Vec<_> =
            names.iter().filter(|name| !self.path(name).exists()).map(|name| (*name).to_owned()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(ClusterError::MissingProgram {
            missing,
            folder: self.folder.clone(),
            chosen: self.chosen.clone(),
        })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The target directory by its variable, above the running test, and above the current folder.
fn built_places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    if let Some(target) = env::var_os("CARGO_TARGET_DIR") {
        places.push(PathBuf::from(target).join(FOLDER));
    }
    if let Ok(program) = env::current_exe() {
        places.extend(program.ancestors().skip(2).take(3).map(|above| above.join(FOLDER)));
    }
    if let Ok(folder) = env::current_dir() {
        places.extend(folder.ancestors().take(4).map(|above| above.join("target").join(FOLDER)));
    }
    places.dedup();
    places
}

/// A program of the system, which the `PATH` of an ordinary user may not name.
pub(super) fn tool(
    program: &'static str,
    needed_for: &'static str,
    install: &'static str,
) -> Result<PathBuf, ClusterError> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file: &PathBuf| Path::is_file(file))
        .ok_or(ClusterError::MissingTool { program, needed_for, install })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_each_program_that_is_missing_and_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("etcd"), "").unwrap();
        let error =
            Programs::in_folder(folder.path()).require(&["etcd", "kwok", "kube-apiserver"]).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("kwok, kube-apiserver are not in "), "{text}");
        assert!(
            text.contains(folder.path().to_str().unwrap()) && text.contains("just control-plane"),
            "{text}"
        );
    }
}
