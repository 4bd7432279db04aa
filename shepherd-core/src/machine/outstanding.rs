use serde::{Deserialize, Serialize};

use super::{Effect, EffectId};
use crate::model::{Epoch, Mark, Route};

/// The effects that were decided and not yet answered. Ids only grow, so that the order of two of them tells which was
/// decided first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Outstanding {
    next: u64,
    effects: Vec<(EffectId, Effect)>,
}

impl Outstanding {
    /// The id that the next effect will have.
    pub(super) fn next_id(&self) -> EffectId {
        EffectId(self.next)
    }

    /// Numbers from now on are greater than those of every owner before this epoch, saved or not.
    pub(super) fn count_on_from(&mut self, epoch: Epoch) {
        const OWNERS: u64 = 1 << 31;
        const NUMBERS_OF_AN_OWNER: u64 = 1 << 32;
        self.next = self.next.max(epoch.get() % OWNERS * NUMBERS_OF_AN_OWNER);
    }

    pub(super) fn add(&mut self, effect: Effect) -> EffectId {
        let id = self.next_id();
        self.next += 1;
        self.effects.push((id, effect));
        id
    }

    /// Takes the effect that was answered; none when it was withdrawn or answered before.
    pub(super) fn take(&mut self, id: EffectId) -> Option<Effect> {
        let index = self.effects.iter().position(|(one, _)| *one == id)?;
        Some(self.effects.remove(index).1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.effects.is_empty()
    }

    pub(super) fn any(&self, wanted: impl Fn(&Effect) -> bool) -> bool {
        self.effects.iter().any(|(_, effect)| wanted(effect))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (EffectId, &Effect)> {
        self.effects.iter().map(|(id, effect)| (*id, effect))
    }

    /// Changes the mark of every write, in the order in which they were decided.
    pub(super) fn restamp(&mut self, mut change: impl FnMut(&mut Mark)) {
        for (_, effect) in &mut self.effects {
            if let Effect::Route(Route { mark, .. }) | Effect::Deploy { mark, .. } = effect {
                change(mark);
            }
        }
    }

    /// Withdraws what does not fit any more, and answers it.
    pub(super) fn withdraw(&mut self, unwanted: impl Fn(&Effect) -> bool) -> Vec<(EffectId, Effect)> {
        self.effects.extract_if(.., |(_, effect)| unwanted(effect)).collect()
    }
}
