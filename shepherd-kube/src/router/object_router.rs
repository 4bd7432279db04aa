use std::sync::Arc;

use serde_json::Value;
use shepherd_core::model::{Exposure, Fence, Mark, Route, RouterCapabilities, Routing, admit};
use shepherd_core::ports::PortError;

use crate::object::{Edit, MARK, Object, mark_of, stamp};
use crate::preflight::{Findings, Need};

/// How one kind of object says where traffic goes.
pub(crate) trait Shape: Send + Sync {
    /// What such an object can express.
    fn capabilities(&self) -> RouterCapabilities;

    /// The exposure that an object says.
    fn exposure(&self, object: &Value) -> Result<Exposure, PortError>;

    /// Makes the object say this one, and relies on what it means staying so.
    fn write(&self, edit: &mut Edit<'_>, object: &Value, exposure: &Exposure) -> Result<(), PortError>;

    /// Whether the data path does what the object says, as far as the object tells.
    fn in_effect(&self, object: &Value) -> bool;
}

/// A router whose exposure and mark stand in one object.
pub(crate) struct ObjectRouter<S> {
    pub(crate) object: Object,
    pub(crate) shape: S,
}

impl<S: Shape> ObjectRouter<S> {
    pub(crate) fn new(object: Object, shape: S) -> Self {
        Self { object, shape }
    }

    pub(crate) fn capabilities(&self) -> RouterCapabilities {
        self.shape.capabilities()
    }

    /// Whatever the object says of traffic: somebody's mistake in it must not keep an owner from taking it back.
    pub(crate) async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        let claimed = self.object.change(|object| {
            let mark = Mark::claimed(self.mark(object)?.as_ref(), fence)?;
            let mut edit = Edit::of(object);
            stamp(&mut edit, &mark);
            Ok(edit.into())
        });
        claimed.await.map(drop)
    }

    pub(crate) async fn apply(&self, route: &Route) -> Result<(), PortError> {
        let applied = self.object.change(|object| {
            let current = self.current(object, route)?;
            let route = admit(self.mark(object)?.as_ref(), &current, route)?;
            let mut edit = Edit::of(object);
            self.shape.write(&mut edit, object, &route.exposure)?;
            stamp(&mut edit, &route.mark);
            Ok(edit.into())
        });
        applied.await.map(drop)
    }

    pub(crate) async fn observe(&self) -> Result<Routing, PortError> {
        self.routing(&self.object.look().await?.object)
    }

    /// What an object says.
    pub(crate) fn routing(&self, object: &Value) -> Result<Routing, PortError> {
        Ok(Routing {
            exposure: self.shape.exposure(object)?,
            mark: self.mark(object)?,
            in_effect: self.shape.in_effect(object),
        })
    }

    /// Looks at the object before anything is changed: it is there, says where traffic goes, and may be written.
    /// `fields` are pointers to what is written. Answers the object, when nothing is wrong with it.
    pub(crate) async fn inspect(&self, findings: &mut Findings, fields: &[&str]) -> Option<Arc<Value>> {
        let object = &self.object;
        findings.needs(object.namespace(), &[Need::on(object, &["get", "patch"])]).await;
        findings.watches(object.reach(), object.namespace(), &[Need::watched(object)]).await;
        let fields: Vec<_> = fields.iter().map(|&field| field.to_owned()).collect();
        findings.writes(object.place(), fields.iter().cloned().chain([format!("annotation {MARK}")]));
        let there = findings.present(object).await?;
        findings.owned_by_tools(object.place(), &there, &fields);
        findings.claims(object, &there).await;
        self.inspect_exposure(findings, &there).then_some(there)
    }

    /// What the object says of traffic can be read, and nobody meets the candidate before its rollout. Answers whether
    /// it can be read.
    pub(crate) fn inspect_exposure(&self, findings: &mut Findings, there: &Value) -> bool {
        let place = self.object.place();
        let exposure = match self.shape.exposure(there) {
            Ok(exposure) => exposure,
            Err(error) => {
                let remedy = "correct the object, or what the router was told of it";
                findings.error(place, error.failure().message.clone(), remedy);
                return false;
            }
        };
        let met = format!("users meet the candidate already: {exposure}");
        match self.mark(there) {
            _ if exposure.is_off() => {}
            Ok(Some(mark)) => findings.warning(
                place,
                format!("{met}, by the rollout {}", mark.fence.rollout),
                "start that rollout again and let it end, or take the traffic back by hand",
            ),
            _ => findings.error(
                place,
                met,
                "take the traffic back by hand, then start: a rollout would be refused",
            ),
        }
        true
    }

    /// What an off of everything is lowered from does not matter: nobody's mistake keeps users on the candidate.
    fn current(&self, object: &Value, asked: &Route) -> Result<Exposure, PortError> {
        match self.shape.exposure(object) {
            Err(_) if asked.exposure.is_off() => Ok(Exposure::OFF),
            read => read,
        }
    }

    fn mark(&self, object: &Value) -> Result<Option<Mark>, PortError> {
        mark_of(self.object.place(), object)
    }
}
