//! The reports of a call as whoever follows it reads them, on any thread.

use futures_util::StreamExt;
use futures_util::stream::unfold;
use owt_core::{Progress, ProgressStream};
use tokio::sync::watch;

/// Where the reports of one call are read.
pub(crate) type Reports = watch::Receiver<Option<Progress>>;

/// The last report is among them.
pub(crate) fn of(newest: &watch::Sender<Option<Progress>>) -> Reports {
    let mut reports = newest.subscribe();
    reports.mark_changed();
    reports
}

/// The last report, and then each newer one that is still the newest when it is asked for.
pub(crate) fn stream(reports: Reports) -> ProgressStream {
    let next = async |mut reports: Reports| {
        loop {
            reports.changed().await.ok()?;
            let newest = reports.borrow_and_update().clone();
            if let Some(progress) = newest {
                return Some((progress, reports));
            }
        }
    };
    unfold(reports, next).boxed_local()
}
