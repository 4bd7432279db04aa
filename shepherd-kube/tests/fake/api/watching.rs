//! Watches: what they are answered with, and what may become of their connections.

use std::collections::BTreeSet;
use std::io;

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::{Value, json};

use super::server::{Answer, Api, Seen, State, refused, status};
use super::store::Refusal;

/// What is known of all watches together. They are numbered in the order in which they were opened.
#[derive(Default)]
pub(super) struct Watching {
    opened: usize,
    /// All below were ended by the server.
    ended: usize,
    /// The connections of all below were cut.
    cut: usize,
    /// On the connections of all below nothing comes any more, and no end.
    silent: usize,
    /// Versions below are not known any more.
    oldest: u64,
    /// How often all were told the version of everything.
    bookmarks: usize,
    /// Resources that nobody may watch.
    forbidden: BTreeSet<&'static str>,
    /// All below are told that what they have seen last is not known any more.
    expired: usize,
    /// The resource whose watches are told of nothing.
    lagging: Option<&'static str>,
}

/// One watch.
struct Watch {
    number: usize,
    collection: String,
    from: u64,
    /// How much of the log it was told.
    told: usize,
    bookmarks: usize,
    over: bool,
}

enum Next {
    Line(Value),
    Nothing,
    Cut,
    End,
}

impl Api {
    /// The server ends all watches, as it does after a time.
    pub(crate) fn ends_watches(&self) {
        let mut state = self.state();
        state.watching.ended = state.watching.opened;
    }

    /// The connections of all watches are cut.
    pub(crate) fn cuts_watches(&self) {
        let mut state = self.state();
        state.watching.cut = state.watching.opened;
    }

    /// On the connections of all watches nothing comes any more, and no end.
    pub(crate) fn silences_watches(&self) {
        let mut state = self.state();
        state.watching.silent = state.watching.opened;
    }

    /// The watches of this resource are told of nothing; later of everything.
    pub(crate) fn lags(&self, resource: Option<&'static str>) {
        self.state().watching.lagging = resource;
    }

    /// All watches are told that what they have seen last is not known any more.
    pub(crate) fn expires_watches(&self) {
        let mut state = self.state();
        state.watching.expired = state.watching.opened;
    }

    /// What has happened so far is not known any more to whoever asks for it.
    pub(crate) fn compacts(&self) {
        let mut state = self.state();
        state.watching.oldest = state.objects.version();
    }

    /// All watches are told how far they are.
    pub(crate) fn bookmarks(&self) {
        self.state().watching.bookmarks += 1;
    }

    /// Nobody may watch this resource; who may list it is not changed.
    pub(crate) fn forbids_watching(&self, resource: &'static str) {
        self.state().watching.forbidden.insert(resource);
    }

    /// How many watches are open.
    pub(crate) fn open_watches(&self) -> usize {
        self.done.receiver_count()
    }

    pub(super) fn watch(&self, seen: &Seen, query: &str) -> Response<Answer> {
        let opened = self.state().open(seen, query);
        let watch = match opened {
            Ok(watch) => watch,
            Err(refusal) => return refused(refusal),
        };
        let start = (self.clone(), self.done.subscribe(), watch);
        let lines = stream::unfold(start, |(api, mut done, mut watch)| async move {
            loop {
                done.mark_unchanged();
                let next = api.looked_at().next(&mut watch);
                match next {
                    Next::Line(line) => {
                        let line = Bytes::from(format!("{line}\n"));
                        return Some((Ok(Frame::data(line)), (api, done, watch)));
                    }
                    Next::Cut => {
                        let error = io::Error::from(io::ErrorKind::ConnectionReset);
                        return Some((Err(error), (api, done, watch)));
                    }
                    Next::End => return None,
                    Next::Nothing => drop(done.changed().await),
                }
            }
        });
        Response::new(StreamBody::new(lines).boxed_unsync())
    }
}

impl State {
    fn open(&mut self, seen: &Seen, query: &str) -> Result<Watch, Refusal> {
        self.hears(seen)?;
        let resource = seen.path.rsplit('/').next().unwrap_or_default();
        if self.watching.forbidden.contains(resource) {
            return Err((403, "Forbidden"));
        }
        let from = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
        let from = from.and_then(|text| text.parse().ok()).ok_or((400, "BadRequest"))?;
        if from < self.watching.oldest {
            return Err((410, "Expired"));
        }
        let number = self.watching.opened;
        self.watching.opened += 1;
        let bookmarks = self.watching.bookmarks;
        Ok(Watch { number, collection: seen.path.clone(), from, told: 0, bookmarks, over: false })
    }

    fn next(&self, watch: &mut Watch) -> Next {
        let all = &self.watching;
        if watch.over || watch.number < all.ended {
            return Next::End;
        }
        if watch.number < all.silent || all.lagging.is_some_and(|lags| watch.collection.ends_with(lags)) {
            return Next::Nothing;
        }
        if watch.number < all.cut {
            watch.over = true;
            return Next::Cut;
        }
        while let Some(change) = self.objects.log().get(watch.told) {
            watch.told += 1;
            if change.collection == watch.collection && change.version > watch.from {
                return Next::Line(json!({"type": change.kind, "object": change.object}));
            }
        }
        if watch.number < all.expired {
            watch.over = true;
            return Next::Line(json!({"type": "ERROR", "object": status(410, "Expired")}));
        }
        if watch.bookmarks < all.bookmarks {
            watch.bookmarks = all.bookmarks;
            let metadata = json!({"resourceVersion": self.objects.version().to_string()});
            let object = json!({"apiVersion": "v1", "kind": "Any", "metadata": metadata});
            return Next::Line(json!({"type": "BOOKMARK", "object": object}));
        }
        Next::Nothing
    }
}
