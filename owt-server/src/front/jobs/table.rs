//! All jobs of a server: no more than so many, which take no more than so many bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use owt_core::{Call, Error};
use parking_lot::Mutex;

use super::JobLimits;
use super::job::Job;
use super::room::{Held, Room};

/// The jobs of a server. Where there is no room for another one, those go first of which somebody has
/// read what became of them, the oldest first.
#[derive(Debug)]
pub(crate) struct Jobs {
    pub(super) limits: JobLimits,
    room: Arc<Room>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// By their age, the oldest first.
    jobs: BTreeMap<u64, Arc<Job>>,
    numbers: HashMap<String, u64>,
    /// Those that nobody misses.
    fetched: BTreeSet<u64>,
    next: u64,
}

/// How many jobs there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::front) struct JobCounts {
    pub(in crate::front) running: usize,
    pub(in crate::front) kept: usize,
    pub(in crate::front) bytes: usize,
}

impl Jobs {
    pub(crate) fn new(limits: JobLimits) -> Self {
        Self { limits, room: Room::new(limits.bytes), table: Mutex::default() }
    }

    /// Adds a job.
    ///
    /// # Errors
    /// [`Error::JobsFull`], [`Error::JobTooLarge`], and [`Error::RequestIdTaken`] if the reply of a job
    /// with this id is kept.
    pub(super) fn add(&self, call: &Call) -> Result<Arc<Job>, Error> {
        let held = self.hold(None, Job::size(call))?;
        let job = Arc::new(Job::new(call, held));
        let table = &mut *self.table.lock();
        if table.numbers.contains_key(&job.id) {
            return Err(Error::RequestIdTaken);
        }
        while table.jobs.len() >= self.limits.count {
            table.evict().ok_or(Error::JobsFull { limit: self.limits.count })?;
        }
        table.numbers.insert(job.id.clone(), table.next);
        table.jobs.insert(table.next, job.clone());
        table.next += 1;
        Ok(job)
    }

    /// Takes room for more bytes than are held already, for which jobs may have to go.
    ///
    /// # Errors
    /// [`Error::JobTooLarge`] if there is not so much, whichever go.
    pub(super) fn hold(&self, held: Option<Held>, bytes: usize) -> Result<Held, Error> {
        let mut held = held.unwrap_or_else(|| self.room.hold_nothing());
        let too_large = || Error::JobTooLarge { limit: self.room.limit as u64 };
        if !held.could_grow(bytes) {
            return Err(too_large());
        }
        while !held.grow(bytes) {
            self.table.lock().evict().ok_or_else(too_large)?;
        }
        Ok(held)
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Job>> {
        let table = self.table.lock();
        table.jobs.get(table.numbers.get(id)?).cloned()
    }

    /// All jobs, the oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Job>> {
        self.table.lock().jobs.values().cloned().collect()
    }

    /// Notes that somebody has read what became of a job.
    pub(super) fn note_fetched(&self, job: &Job) {
        let table = &mut *self.table.lock();
        if let Some(number) = table.number(job) {
            table.fetched.insert(number);
        }
    }

    /// Drops a job, if it is there: its call is cancelled, and its reply is kept no longer.
    pub(super) fn remove(&self, job: &Job) {
        let table = &mut *self.table.lock();
        if let Some(number) = table.number(job) {
            table.remove(number);
        }
    }

    pub(in crate::front) fn counts(&self) -> JobCounts {
        let table = self.table.lock();
        let kept = table.jobs.values().filter(|job| job.outcome().is_some()).count();
        JobCounts { running: table.jobs.len() - kept, kept, bytes: self.room.used() }
    }
}

impl Table {
    /// The number of this very job: another one may have its id by now.
    fn number(&self, job: &Job) -> Option<u64> {
        let number = *self.numbers.get(&job.id)?;
        self.jobs.get(&number).filter(|found| std::ptr::eq(&***found, job)).map(|_| number)
    }

    /// Drops the oldest job that nobody misses.
    fn evict(&mut self) -> Option<()> {
        let number = self.fetched.pop_first()?;
        self.remove(number);
        Some(())
    }

    fn remove(&mut self, number: u64) {
        let job = self.jobs.remove(&number).expect("numbers are those of jobs");
        self.fetched.remove(&number);
        self.numbers.remove(&job.id);
        job.discard();
    }
}
