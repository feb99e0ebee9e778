//! The plans that a thread of the front remembers, bounded in bytes: a metadata block may be long, and a lock
//! has megabytes.

use std::num::NonZeroUsize;

use clru::{CLruCache, CLruCacheConfig, WeightScale};
use foldhash::fast::RandomState;
use owt_core::Digest;

use super::plan::{Place, Plan};

/// How many bytes of plans are kept; what was used least recently is evicted first.
const LIMIT: NonZeroUsize = NonZeroUsize::new(16 << 20).unwrap();

/// The code, and what its call says of the pool and of the packages.
pub(super) type PlanKey = (Digest, Option<usize>, Option<Digest>);

pub(super) struct Plans(CLruCache<PlanKey, Plan, RandomState, Bytes>);

struct Bytes;

impl WeightScale<PlanKey, Plan> for Bytes {
    fn weight(&self, _key: &PlanKey, plan: &Plan) -> usize {
        let spec = match &plan.place {
            Place::Own => 0,
            Place::Environment(_, spec) => spec.size(),
        };
        size_of::<(PlanKey, Plan)>() + spec
    }
}

impl Default for Plans {
    fn default() -> Self {
        Self::with_limit(LIMIT)
    }
}

impl Plans {
    pub(super) fn with_limit(limit: NonZeroUsize) -> Self {
        let config = CLruCacheConfig::new(limit).with_hasher(RandomState::default());
        Self(CLruCache::with_config(config.with_scale(Bytes)))
    }

    pub(super) fn get(&mut self, key: &PlanKey) -> Option<&Plan> {
        self.0.get(key)
    }

    pub(super) fn insert(&mut self, key: PlanKey, plan: Plan) {
        // One that is larger than the limit is not kept, and evicts nothing.
        let _ = self.0.put_with_weight(key, plan);
    }

    /// Forgets all plans of an adaptor.
    pub(super) fn forget(&mut self, digest: Digest) {
        self.0.retain(|(known, ..), _| *known != digest);
    }
}
