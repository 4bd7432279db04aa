//! What Shepherd itself brings keeps every promise of its port.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shepherd_core::model::{Replicas, Revision, Target, Track};
use shepherd_core::ports::SystemClock;
use shepherd_core::store::{FileStore, MemoryStore};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::clock::ClockFixture;
use shepherd_testkit::conformance::roles::RolesFixture;
use shepherd_testkit::conformance::router::RouterFixture;
use shepherd_testkit::conformance::store::StoreFixture;
use shepherd_testkit::conformance::workload::WorkloadFixture;
use shepherd_testkit::world::{Behaviour, SharedWorld, World, WorldRouter, WorldWorkload};

#[derive(Default)]
struct InMemory(MemoryStore);

#[async_trait]
impl StoreFixture for InMemory {
    type Store = MemoryStore;

    async fn open(&self) -> Opened<MemoryStore> {
        Ok(self.0.clone())
    }

    async fn damage(&self, _target: &Target) -> Opened<bool> {
        Ok(false)
    }
}

struct InFiles(tempfile::TempDir);

impl InFiles {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The files of the one target that the suite damages.
    fn records(&self) -> Vec<PathBuf> {
        let folders = self.0.path().read_dir().unwrap().map(|entry| entry.unwrap().path());
        let files = folders.filter(|path| path.is_dir()).flat_map(|folder| folder.read_dir().unwrap());
        files
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
            .collect()
    }
}

#[async_trait]
impl StoreFixture for InFiles {
    type Store = FileStore;

    async fn open(&self) -> Opened<FileStore> {
        Ok(FileStore::open(self.0.path())?)
    }

    async fn damage(&self, _target: &Target) -> Opened<bool> {
        for record in self.records() {
            let text = std::fs::read_to_string(&record)?;
            std::fs::write(&record, &text[..text.len() / 2])?;
        }
        Ok(true)
    }
}

/// A service in memory, in real time, quick to start.
struct Simulated(SharedWorld);

impl Simulated {
    fn with(shape: impl FnOnce(World) -> World) -> Self {
        let quick = Behaviour::new().start_up(Duration::from_millis(2));
        let world = World::serving(revision("v1"), Replicas::new(3))
            .behaviour(revision("v1"), quick.clone())
            .behaviour(revision("v2"), quick)
            .behaviour(revision("missing"), Behaviour::new().stuck("no such image"))
            .termination(Duration::from_millis(2));
        Self(SharedWorld::new(shape(world), Arc::new(SystemClock::new())))
    }

    fn fenced() -> Self {
        Self::with(|world| world)
    }

    fn slow_to_route() -> Self {
        Self::with(|world| world.propagation(Duration::from_millis(5)))
    }

    fn unfenced() -> Self {
        Self::with(World::unfenced)
    }
}

#[async_trait]
impl RouterFixture for Simulated {
    type Router = WorldRouter;

    async fn open(&self) -> Opened<WorldRouter> {
        Ok(self.0.router())
    }

    async fn bystanders(&self) -> Opened<String> {
        Ok(String::new())
    }
}

#[async_trait]
impl WorkloadFixture for Simulated {
    type Workload = WorldWorkload;

    async fn open(&self) -> Opened<WorldWorkload> {
        Ok(self.0.workload())
    }

    fn holds_marks(&self) -> bool {
        true
    }

    fn revisions(&self) -> [Revision; 2] {
        [revision("v1"), revision("v2")]
    }

    fn failing(&self) -> Option<Revision> {
        Some(revision("missing"))
    }

    async fn serving(&self, track: Track) -> Opened<BTreeMap<Revision, Replicas>> {
        Ok(self.0.with(|world, _| world.serving_replicas(track)))
    }
}

#[async_trait]
impl RolesFixture for Simulated {
    type Router = WorldRouter;
    type Workload = WorldWorkload;

    async fn open(&self) -> Opened<(WorldRouter, WorldWorkload)> {
        Ok((self.0.router(), self.0.workload()))
    }

    fn revisions(&self) -> [Revision; 2] {
        [revision("v1"), revision("v2")]
    }

    async fn answering(&self) -> Opened<BTreeSet<Revision>> {
        Ok(self.0.with(|world, _| world.answering()))
    }
}

struct OfTheMachine;

#[async_trait]
impl ClockFixture for OfTheMachine {
    type Clock = SystemClock;

    async fn open(&self) -> Opened<SystemClock> {
        Ok(SystemClock::new())
    }
}

fn revision(name: &str) -> Revision {
    Revision::new(name).unwrap()
}

shepherd_testkit::store_conformance!(memory_store => InMemory::default);
shepherd_testkit::store_conformance!(file_store => InFiles::new);
shepherd_testkit::router_conformance!(world_router => Simulated::fenced);
shepherd_testkit::router_conformance!(world_router_without_marks => Simulated::unfenced);
shepherd_testkit::roles_conformance!(world_roles => Simulated::fenced);
shepherd_testkit::roles_conformance!(world_roles_slow_to_route => Simulated::slow_to_route);
shepherd_testkit::workload_conformance!(world_workload => Simulated::fenced);
shepherd_testkit::clock_conformance!(system_clock => || OfTheMachine);
