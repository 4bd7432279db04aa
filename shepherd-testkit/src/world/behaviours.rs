use std::collections::BTreeMap;

use shepherd_core::model::Revision;

use super::Behaviour;

/// How each revision behaves; well, when nobody says otherwise.
#[derive(Debug, Clone, Default)]
pub(super) struct Behaviours {
    said: BTreeMap<Revision, Behaviour>,
    usual: Behaviour,
}

impl Behaviours {
    pub(super) fn of(&self, revision: &Revision) -> &Behaviour {
        self.said.get(revision).unwrap_or(&self.usual)
    }

    pub(super) fn set(&mut self, revision: Revision, behaviour: Behaviour) {
        self.said.insert(revision, behaviour);
    }
}
