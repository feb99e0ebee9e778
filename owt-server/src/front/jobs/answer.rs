//! `/_owt/jobs`: how far jobs have come, and what became of them.

use std::collections::HashMap;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{
    CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use actix_web::{HttpRequest, HttpResponse};
use owt_core::{Control, Error, Executor};
use url::form_urlencoded;

use super::job::{Job, JobInfo, State};
use super::wish::MAX_WAIT;
use crate::front::context::RequestContext;
use crate::front::guard::{Access, Link};
use crate::front::{Front, response};

/// The id of the job that an answer is about.
const OWT_JOB: HeaderName = HeaderName::from_static("owt-job");

/// How far it has come: a reply may have the status 202 as well.
const OWT_JOB_STATE: HeaderName = HeaderName::from_static("owt-job-state");

/// What follows the id where only that is asked for.
const STATUS: &str = "/status";

/// Where jobs are.
const FOLDER: &str = "/_owt/jobs/";

impl<E: Executor + Control + 'static> Front<E> {
    /// Answers what is at `/_owt/jobs` and under it; nothing if the request is for something else.
    pub(in crate::front) async fn jobs(
        &self,
        access: &Access,
        request: &HttpRequest,
        headers: &HeaderMap,
        context: &mut RequestContext,
    ) -> Option<Result<HttpResponse, Error>> {
        let path = request.path().strip_prefix(FOLDER.trim_end_matches('/'))?;
        if matches!(access, Access::Link(Link { is_page: false, .. })) {
            // A page that loads it as a script or an image learns of it, or has it count as read.
            return Some(Err(Error::CrossSite));
        }
        let id = match path.strip_prefix('/') {
            None if path.is_empty() => {
                let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
                return Some(if is_get { Ok(self.list().await) } else { Err(Error::PathUnknown) });
            }
            None => return None,
            Some("") => return Some(Err(Error::PathUnknown)),
            Some(id) => id,
        };
        Some(match (request.method(), id) {
            (&Method::GET | &Method::HEAD, id) if id.ends_with(STATUS) => {
                self.status(id.trim_end_matches(STATUS), request).await
            }
            (&Method::GET | &Method::HEAD, id) => self.job(id, request, headers, context).await,
            (&Method::DELETE, id) => self.discard(id),
            _ => Err(Error::PathUnknown),
        })
    }

    async fn list(&self) -> HttpResponse {
        let jobs = self.state.jobs.all();
        let mut infos: Vec<_> = jobs.iter().map(|job| job.info()).collect();
        let calls = self.executor.calls().await;
        let progress = calls.into_iter().filter_map(|call| Some((call.id, call.progress?)));
        let mut progress: HashMap<_, _> = progress.collect();
        for info in infos.iter_mut().filter(|info| info.state == State::Running) {
            info.progress = progress.remove(info.id);
        }
        HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(infos)
    }

    /// What became of a job, or how far it has come.
    async fn job(
        &self,
        id: &str,
        request: &HttpRequest,
        headers: &HeaderMap,
        context: &mut RequestContext,
    ) -> Result<HttpResponse, Error> {
        let (job, has_ended) = self.find_job(id, request).await?;
        if has_ended {
            if request.method() == Method::GET {
                self.state.jobs.note_fetched(&job);
            }
            return Ok(self.outcome(&job, headers, context));
        }
        Ok(Self::accepted(&self.info(&job).await))
    }

    /// How far a job has come, even if it has ended.
    async fn status(&self, id: &str, request: &HttpRequest) -> Result<HttpResponse, Error> {
        let (job, _) = self.find_job(id, request).await?;
        let info = self.info(&job).await;
        Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(info))
    }

    /// Finds a job, and waits for its end as long as its client wishes.
    async fn find_job(&self, id: &str, request: &HttpRequest) -> Result<(Arc<Job>, bool), Error> {
        let wait = wait(request.query_string())?;
        let job = self.state.jobs.find(id).ok_or_else(|| self.missing(id))?;
        let has_ended = job.wait(wait).await;
        Ok((job, has_ended))
    }

    async fn info<'a>(&self, job: &'a Job) -> JobInfo<'a> {
        let mut info = job.info();
        if info.state == State::Running {
            let mut calls = self.executor.calls().await.into_iter();
            info.progress = calls.find(|call| call.id == job.id).and_then(|call| call.progress);
        }
        info
    }

    /// Cancels the call of a job, or drops what became of it.
    fn discard(&self, id: &str) -> Result<HttpResponse, Error> {
        let job = self.state.jobs.find(id).ok_or_else(|| self.missing(id))?;
        self.state.jobs.remove(&job);
        Ok(HttpResponse::NoContent().finish())
    }

    /// Why there is no job with this id.
    fn missing(&self, id: &str) -> Error {
        match self.state.request_ids.is_of_another_run(id) {
            true => Error::JobLost,
            false => Error::JobUnknown,
        }
    }

    /// What became of a job that has ended.
    pub(super) fn outcome(
        &self,
        job: &Job,
        headers: &HeaderMap,
        context: &mut RequestContext,
    ) -> HttpResponse {
        context.digest = Some(job.digest());
        let mut response = match job.outcome().expect("it has ended") {
            Ok(stored) => stored.response(),
            // It was logged and counted at its end.
            Err(failure) => {
                let mut response = response::failure(failure, true, headers);
                // To ask again for what has ended changes nothing.
                response.headers_mut().remove(RETRY_AFTER);
                response
            }
        };
        let headers = response.headers_mut();
        headers.insert(OWT_JOB, response::ascii(&job.id));
        headers.insert(OWT_JOB_STATE, HeaderValue::from_static(job.info().state.into()));
        response
    }

    /// Says that a job runs, how far it has come, and where its reply will be.
    pub(super) fn accepted(info: &JobInfo<'_>) -> HttpResponse {
        HttpResponse::Accepted()
            .insert_header((OWT_JOB, info.id))
            .insert_header((OWT_JOB_STATE, <&str>::from(info.state)))
            .insert_header((LOCATION, location(info.id)))
            .insert_header((RETRY_AFTER, "1"))
            .insert_header((CACHE_CONTROL, "no-store"))
            .json(info)
    }
}

/// Where a job is.
pub(super) fn location(id: &str) -> String {
    format!("{FOLDER}{id}")
}

/// How long a client waits: `wait`, in seconds.
fn wait(query: &str) -> Result<Duration, Error> {
    let mut fields = form_urlencoded::parse(query.as_bytes());
    let Some((_, value)) = fields.find(|(name, _)| name == "wait") else {
        return Ok(Duration::ZERO);
    };
    let seconds = f64::from_str(&value).ok().filter(|seconds| *seconds >= 0.0);
    let seconds = seconds
        .ok_or(Error::FieldInvalid { field: "wait", problem: "takes a number of seconds" })?;
    Ok(Duration::from_secs_f64(seconds.min(MAX_WAIT.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", Some(0))]
    #[case("wait=0", Some(0))]
    #[case("a=b&wait=1.5", Some(1500))]
    #[case("wait=1e300", Some(3_600_000))]
    #[case("wait=inf", Some(3_600_000))]
    #[case("wait=-1", None)]
    #[case("wait=nan", None)]
    #[case("wait=", None)]
    #[case("wait=soon", None)]
    fn waiting_is_bounded(#[case] query: &str, #[case] millis: Option<u64>) {
        assert_eq!(wait(query).ok(), millis.map(Duration::from_millis));
    }
}
