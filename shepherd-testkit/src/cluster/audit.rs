use std::path::PathBuf;

/// Every write that the API server has answered.
#[derive(Clone, Debug)]
pub struct AuditLog {
    file: PathBuf,
}

impl AuditLog {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file }
    }
}
