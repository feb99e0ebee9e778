//! All jobs of a server: no more than so many, and of their replies no more than so many bytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use owt_core::Error;
use parking_lot::Mutex;

use super::JobLimits;
use super::job::Job;

/// The jobs of a server. Where there is no room for another one, those go first of which somebody has
/// read what became of them, the oldest first.
#[derive(Debug)]
pub(crate) struct Jobs {
    pub(super) limits: JobLimits,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// By their age, the oldest first.
    entries: BTreeMap<u64, Entry>,
    numbers: HashMap<String, u64>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    job: Arc<Job>,
    bytes: usize,
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
        Self { limits, table: Mutex::default() }
    }

    /// Adds a job.
    ///
    /// # Errors
    /// [`Error::JobsFull`], and [`Error::RequestIdTaken`] if the reply of a job with this id is kept.
    pub(super) fn add(&self, job: Job) -> Result<Arc<Job>, Error> {
        let table = &mut *self.table.lock();
        if table.numbers.contains_key(&job.id) {
            return Err(Error::RequestIdTaken);
        }
        while table.entries.len() >= self.limits.count {
            table.evict().ok_or(Error::JobsFull { limit: self.limits.count })?;
        }
        let bytes = job.len();
        table.make_room(bytes, self.limits.bytes)?;
        let (job, number) = (Arc::new(job), table.next);
        table.next += 1;
        table.bytes += bytes;
        table.numbers.insert(job.id.clone(), number);
        table.entries.insert(number, Entry { job: job.clone(), bytes });
        Ok(job)
    }

    /// Counts bytes of a job's reply that are about to be kept.
    ///
    /// # Errors
    /// [`Error::JobTooLarge`], and [`Error::Cancelled`] if nobody wants it any more.
    pub(super) fn make_room(&self, job: &Job, bytes: usize) -> Result<(), Error> {
        let table = &mut *self.table.lock();
        table.make_room(bytes, self.limits.bytes)?;
        let entry = table.numbers.get(&job.id).and_then(|number| table.entries.get_mut(number));
        entry.filter(|entry| std::ptr::eq(&*entry.job, job)).ok_or(Error::Cancelled)?.bytes +=
            bytes;
        table.bytes += bytes;
        Ok(())
    }

    /// Gives back what was counted for a reply that has come to nothing.
    pub(super) fn release(&self, job: &Job) {
        let table = &mut *self.table.lock();
        let entry = table.numbers.get(&job.id).and_then(|number| table.entries.get_mut(number));
        if let Some(entry) = entry.filter(|entry| std::ptr::eq(&*entry.job, job)) {
            table.bytes -= std::mem::replace(&mut entry.bytes, job.len());
            table.bytes += job.len();
        }
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Job>> {
        let table = self.table.lock();
        Some(table.entries.get(table.numbers.get(id)?)?.job.clone())
    }

    /// All jobs, the oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Job>> {
        self.table.lock().entries.values().map(|entry| entry.job.clone()).collect()
    }

    /// Drops a job, if it is there: its call is cancelled, and its reply is kept no longer.
    pub(super) fn remove(&self, job: &Job) {
        let table = &mut *self.table.lock();
        let number = table.numbers.get(&job.id).copied();
        let is_it = |number: &u64| {
            table.entries.get(number).is_some_and(|entry| std::ptr::eq(&*entry.job, job))
        };
        if let Some(number) = number.filter(is_it) {
            table.remove(number);
        }
    }

    pub(in crate::front) fn counts(&self) -> JobCounts {
        let table = self.table.lock();
        let has_ended = |entry: &&Entry| entry.job.outcome().is_some();
        let kept = table.entries.values().filter(has_ended).count();
        JobCounts { running: table.entries.len() - kept, kept, bytes: table.bytes }
    }
}

impl Table {
    /// Drops jobs that nobody misses, until there is room for so many bytes.
    fn make_room(&mut self, bytes: usize, limit: usize) -> Result<(), Error> {
        while self.bytes.saturating_add(bytes) > limit {
            self.evict().ok_or(Error::JobTooLarge { limit: limit as u64 })?;
        }
        Ok(())
    }

    /// Drops the oldest job that nobody misses.
    fn evict(&mut self) -> Option<()> {
        let (number, _) = self.entries.iter().find(|(_, entry)| entry.job.is_fetched())?;
        self.remove(*number);
        Some(())
    }

    fn remove(&mut self, number: u64) {
        let entry = self.entries.remove(&number).expect("numbers are of entries");
        self.numbers.remove(&entry.job.id);
        self.bytes -= entry.bytes;
        entry.job.discard();
    }
}
