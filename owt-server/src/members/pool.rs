//! A pool of members, as all threads see it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use owt_core::stats::{CallStats, MemberStats};
use owt_core::{Digest, PoolHealth};
use parking_lot::{Mutex, RwLock};
use serde_json::{Value, json};

use super::access::MembersAccess;
use super::calls::Calls;
use super::member::Member;
use super::rendezvous::score;
use crate::sources::Sources;

pub(crate) struct MembersPool {
    pub(crate) name: Arc<str>,
    pub(super) access: MembersAccess,
    pub(super) limits: Limits,
    pub(super) sources: Arc<Sources>,
    pub(super) calls: Arc<Calls>,
    pub(super) stats: Mutex<CallStats>,
    members: RwLock<Arc<[Arc<Member>]>>,
}

/// Limits of the calls of a pool of members.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long any call may run.
    pub(crate) timeout: Option<Duration>,
    /// Of so many members, a call goes to the one with the fewest calls.
    pub(crate) replicas: usize,
    /// Whether arguments are data only.
    pub(crate) takes_data_only: bool,
}

impl MembersPool {
    pub(crate) fn new(
        name: Arc<str>,
        access: MembersAccess,
        limits: Limits,
        sources: Arc<Sources>,
    ) -> Arc<Self> {
        let (calls, stats) = Default::default();
        let members = RwLock::new(Arc::from([]));
        Arc::new(Self { name, access, limits, sources, calls, stats, members })
    }

    pub(super) fn members(&self) -> Arc<[Arc<Member>]> {
        self.members.read().clone()
    }

    pub(super) fn set_members(&self, members: Vec<Arc<Member>>) {
        *self.members.write() = members.into();
    }

    /// The members that a call may go to, in the order in which it tries them.
    ///
    /// # Errors
    /// Why none takes calls, as the end of a sentence.
    pub(super) fn route(&self, home: Digest) -> Result<Vec<Arc<Member>>, String> {
        let all = self.members();
        let mut closed = Vec::new();
        let mut open: Vec<(f64, &Arc<Member>)> = Vec::with_capacity(all.len());
        for member in all.iter() {
            match member.is_open() {
                Ok(()) => open.push((score(&self.name, home, &member.name, member.weight), member)),
                Err(reason) => closed.push(format!("{}: {reason}", member.name)),
            }
        }
        if open.is_empty() {
            return Err(match closed.is_empty() {
                true => "there is none yet".to_owned(),
                false => closed.join("; "),
            });
        }
        open.sort_unstable_by(|one, other| other.0.total_cmp(&one.0));
        let first = self.limits.replicas.min(open.len());
        open[..first].sort_by_key(|(_, member)| member.calls.load(Ordering::Relaxed));
        Ok(open.into_iter().map(|(_, member)| member.clone()).collect())
    }

    /// Interrupts all calls, because the server stops; how many there were.
    pub(crate) fn cancel_all(&self) -> usize {
        self.calls.cancel_all()
    }

    pub(crate) fn health(&self) -> (PoolHealth, Option<Arc<str>>) {
        let members = self.members();
        let alive = members.iter().filter(|member| member.is_up()).count();
        let total = members.len();
        let reason = members.iter().find_map(|member| {
            let reason = member.is_open().err()?;
            Some(format!("{}: {reason}", member.name).into())
        });
        (PoolHealth { name: self.name.clone(), alive, total }, reason)
    }

    pub(crate) fn counted(&self) -> (CallStats, Vec<MemberStats>) {
        let members = self.members();
        let of_member = |member: &Arc<Member>| MemberStats {
            pool: self.name.clone(),
            name: member.name.clone(),
            is_up: member.is_up(),
            calls: member.calls.load(Ordering::Relaxed),
            lost: member.lost.load(Ordering::Relaxed),
            passed_on: member.passed_on.load(Ordering::Relaxed),
        };
        (self.stats.lock().clone(), members.iter().map(of_member).collect())
    }

    /// What `GET /_owt/pools` shows of it.
    pub(crate) fn summary(&self) -> Value {
        json!({
            "name": &*self.name,
            "workers": [],
            "members": self.members().iter().map(|member| member.summary()).collect::<Vec<_>>(),
            "replicas": self.limits.replicas,
            "slots": null,
            "idle": null,
            "cuda": null,
            "gpus": [],
        })
    }
}
