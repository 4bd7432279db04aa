use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use shepherd_core::model::{
    Exposure, FailureKind, Fence, Mark, Reason, Route, RouterCapabilities, Routing, admit,
};
use shepherd_core::ports::PortError;

use crate::object::{Edit, MARK, Object, mark_of, stamp};
use crate::preflight::{Findings, Need};

/// How often what a write needs is added again, when others take it away.
const TRIES: usize = 3;

/// How one kind of object says where traffic goes.
pub(crate) trait Shape: Send + Sync {
    /// What such an object can express.
    fn capabilities(&self) -> RouterCapabilities;

    /// The exposure that an object says.
    fn exposure(&self, object: &Value) -> Result<Exposure, PortError>;

    /// Makes the object say this one, and relies on what it means staying so.
    fn write(&self, edit: &mut Edit<'_>, object: &Value, exposure: &Exposure) -> Result<(), PortError>;

    /// Whether the object has all that a first write needs, as far as it can be read.
    fn is_prepared(&self, _object: &Value) -> bool {
        true
    }

    /// Gives the object what it lacks for a first write. Nothing of it sends anybody to the candidate.
    fn prepare(&self, _edit: &mut Edit<'_>, _object: &Value) {}

    /// A whole percentage that the object cannot say beside what others have in it, and why.
    fn inexpressible(&self, _object: &Value) -> Option<String> {
        None
    }

    /// Whether nobody is routed anywhere without the object, so that nobody is on the candidate when it is gone.
    fn routes_alone(&self) -> bool {
        false
    }

    /// What keeps the data path from doing what the object says, which is this exposure, as far as the object tells.
    fn awaits(&self, object: &Value, exposure: &Exposure) -> Option<Reason>;
}

/// A router whose exposure and mark stand in one object.
pub(crate) struct ObjectRouter<S> {
    pub(crate) object: Object,
    pub(crate) shape: S,
    /// Whoever took everything off has found nothing to take it off.
    gone: AtomicBool,
}

impl<S: Shape> ObjectRouter<S> {
    pub(crate) fn new(object: Object, shape: S) -> Self {
        Self { object, shape, gone: AtomicBool::default() }
    }

    pub(crate) fn capabilities(&self) -> RouterCapabilities {
        self.shape.capabilities()
    }

    /// Whatever the object says of traffic: somebody's mistake in it must not keep an owner from taking it back.
    pub(crate) async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        self.gone.store(false, Ordering::Relaxed);
        let claimed = self.object.change(|object| {
            let mark = Mark::claimed(self.mark(object)?.as_ref(), fence)?;
            let mut edit = Edit::of(object);
            self.shape.prepare(&mut edit, object);
            stamp(&mut edit, &mark);
            Ok(edit.into())
        });
        claimed.await.map(drop)
    }

    /// Who takes all traffic off while the object does not exist has nobody to take off the candidate. Who looks after
    /// that is told so; before, that it is missing: it may be there under another name.
    pub(crate) async fn apply(&self, route: &Route) -> Result<(), PortError> {
        match self.write(route).await {
            Err(error)
                if error.kind() == FailureKind::Permanent
                    && self.shape.routes_alone()
                    && route.exposure.is_off()
                    && self.object.is_gone().await =>
            {
                self.gone.store(true, Ordering::Relaxed);
                Ok(())
            }
            written => written,
        }
    }

    async fn write(&self, route: &Route) -> Result<(), PortError> {
        // What a claim prepared, people may have taken away since: it comes back in a write of its own.
        for _ in 0..TRIES {
            let half = AtomicBool::new(false);
            let applied = self.object.change(|object| {
                let current = self.current(object, route)?;
                let route = admit(self.mark(object)?.as_ref(), &current, route)?;
                let mut edit = Edit::of(object);
                let lacks = !route.exposure.is_off() && !self.shape.is_prepared(object);
                half.store(lacks, Ordering::Relaxed);
                if lacks {
                    edit.relies_on(&["metadata", "annotations", MARK]);
                    self.shape.prepare(&mut edit, object);
                } else {
                    self.shape.write(&mut edit, object, &route.exposure)?;
                    stamp(&mut edit, &route.mark);
                }
                Ok(edit.into())
            });
            applied.await?;
            if !half.into_inner() {
                return Ok(());
            }
        }
        Err(PortError::conflict(self.object.place(), "others take away again what a rollout adds to it"))
    }

    pub(crate) async fn observe(&self) -> Result<Routing, PortError> {
        if !self.gone.load(Ordering::Relaxed) {
            return self.routing(&self.object.look().await?.object);
        }
        match self.object.look_for().await? {
            Some(seen) => self.routing(&seen.object),
            None => Ok(Routing { exposure: Exposure::OFF, mark: None, in_effect: true, awaits: None }),
        }
    }

    /// What an object says.
    pub(crate) fn routing(&self, object: &Value) -> Result<Routing, PortError> {
        let (exposure, mark) = (self.shape.exposure(object)?, self.mark(object)?);
        let awaits = self.shape.awaits(object, &exposure);
        Ok(Routing { exposure, mark, in_effect: awaits.is_none(), awaits })
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
        findings.claims_with(object, &there, |edit| self.shape.prepare(edit, &there)).await;
        if let Some(what) = self.shape.inexpressible(&there) {
            let remedy = "choose rounder shares of the other backends, or plan with other weights";
            findings.warning(object.place(), what, remedy);
        }
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
                "let that rollout end, or take the traffic back by hand",
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
