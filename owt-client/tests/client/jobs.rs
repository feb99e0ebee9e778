//! Calls that go on without their client.

use std::time::Duration;

use owt_client::{Adaptor, Client, Error, JobState, Progress};

use crate::server::{Server, answer};

const STATUS: &str = r#"{
    "id": "mine", "digest": "72fce59447a01f488b1169d2d742679cfe306a89772d67fef018bcfe95431f68",
    "method": "POST", "path": "/a", "state": "running", "age": 1.5,
    "progress": {"done": 1, "total": 2, "text": null}
}"#;

const ENDED: &str = r#"{
    "id": "mine", "digest": "72fce59447a01f488b1169d2d742679cfe306a89772d67fef018bcfe95431f68",
    "method": "GET", "path": "/", "state": "failed", "age": 2, "ended": 0.5, "status": 500
}"#;

fn accepted() -> String {
    answer("202 Accepted\r\nOwt-Job: mine\r\nOwt-Job-State: running", STATUS)
}

/// A reply that has the status of a job that runs.
fn done() -> String {
    answer("202 Accepted\r\nOwt-Job: mine\r\nOwt-Job-State: done", "hi")
}

fn refused(status: &str, code: &str) -> String {
    answer(&format!("{status}\r\nOwt-Error: {code}"), "a sentence")
}

#[tokio::test]
async fn a_job_is_submitted_and_waited_for() {
    let server = Server::answering(vec![accepted(), accepted(), done()]);
    let client = Client::builder(&*server.base).read_timeout(Duration::from_secs(3));
    let client = client.token("secret").build().unwrap();
    let job = client.call(Adaptor::from_source("1 + 1")).submit().await.unwrap();
    assert_eq!(job.id(), "mine");
    let reply = job.result().await.unwrap();
    assert_eq!(reply.status(), 202);
    assert_eq!(reply.text().await.unwrap(), "hi");
    let requests = server.requests();
    assert_eq!(requests[0].header("prefer"), Some("respond-async"));
    for request in &requests[1..] {
        // Half as long as the client waits for an answer.
        assert_eq!(request.line, "GET /_owt/jobs/mine?wait=1.5 HTTP/1.1");
        assert_eq!(request.header("prefer"), None);
        assert_eq!(request.header("authorization"), Some("Bearer secret"));
    }
}

#[tokio::test]
async fn a_job_that_runs_has_no_reply_yet_but_a_status() {
    let running = answer("200 OK", STATUS);
    let listed = answer("200 OK", &format!("[{STATUS},{ENDED}]"));
    let server = Server::answering(vec![accepted(), running, listed, answer("204 No Content", "")]);
    let client = Client::new(&server.base).unwrap();
    let job = client.job("mine");
    assert!(job.result_within(Duration::ZERO).await.unwrap().is_none());
    let status = job.status().await.unwrap();
    assert_eq!(status.state, JobState::Running);
    assert_eq!(status.age, Duration::from_millis(1500));
    assert_eq!(status.progress, Progress::new(1.0, Some(2.0), None));
    let jobs = client.jobs().await.unwrap();
    assert_eq!(jobs[0], status);
    assert_eq!((jobs[1].state, jobs[1].status), (JobState::Failed, Some(500)));
    assert_eq!(jobs[1].ended, Some(Duration::from_millis(500)));
    job.cancel().await.unwrap();
    let lines: Vec<_> = server.requests().into_iter().map(|request| request.line).collect();
    let expected = [
        "GET /_owt/jobs/mine?wait=0 HTTP/1.1",
        "GET /_owt/jobs/mine/status HTTP/1.1",
        "GET /_owt/jobs HTTP/1.1",
        "DELETE /_owt/jobs/mine HTTP/1.1",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_limit_may_be_longer_than_one_request_waits() {
    let running = || answer("200 OK\r\nOwt-Job-State: running", STATUS);
    let server = Server::answering(vec![running(), running(), done(), running()]);
    let client = Client::builder(&*server.base).read_timeout(Duration::from_secs(20));
    let job = client.build().unwrap().job("mine");
    let hour = Duration::from_secs(3600);
    let reply = job.result_within(hour).await.unwrap().unwrap();
    assert_eq!(reply.text().await.unwrap(), "hi");
    assert!(job.result_within(Duration::from_secs(5)).await.unwrap().is_none());
    let lines: Vec<_> = server.requests().into_iter().map(|request| request.line).collect();
    let line = |wait| format!("GET /_owt/jobs/mine?wait={wait} HTTP/1.1");
    assert_eq!(lines, [line(10), line(10), line(10), line(5)]);
}

#[tokio::test]
async fn what_a_job_came_to_is_an_error_as_that_of_its_call() {
    let server = Server::answering(vec![
        refused("503 Service Unavailable", "jobs-full"),
        refused("410 Gone", "job-lost"),
        answer("200 OK", "no job"),
    ]);
    let client = Client::new(&server.base).unwrap();
    let call = || client.call(Adaptor::from_source("1 + 1"));
    let full = call().submit().await.unwrap_err();
    assert!(full.is_safe_to_retry());
    let Err(Error::Server(lost)) = client.job("mine").result().await else { panic!() };
    assert_eq!(lost.code, "job-lost");
    let Err(Error::NoJob(status)) = call().submit().await else { panic!() };
    assert_eq!(status, 200);
}

#[tokio::test]
async fn an_id_leads_to_no_other_place() {
    let client = Client::new("http://127.0.0.1:1").unwrap();
    for id in ["", ".", "..", "../calls/x", "a/b", "a?b", "a#b", "a%2fb", "ä"] {
        let job = client.job(id).on_progress(|_| panic!("nobody is asked"));
        assert!(matches!(job.result().await, Err(Error::JobId)), "{id}");
        assert!(matches!(job.status().await, Err(Error::JobId)), "{id}");
        assert!(matches!(job.cancel().await, Err(Error::JobId)), "{id}");
    }
}

#[cfg(feature = "blocking")]
#[test]
fn a_blocking_client_has_jobs_as_well() {
    let server = Server::answering(vec![
        accepted(),
        accepted(),
        answer("200 OK", STATUS),
        answer("200 OK", "[]"),
        done(),
        answer("204 No Content", ""),
    ]);
    let client = owt_client::blocking::Client::new(&server.base).unwrap();
    let job = client.call(Adaptor::from_source("1 + 1")).submit().unwrap();
    assert!(job.result_within(Duration::from_secs(1)).unwrap().is_none());
    assert_eq!(job.status().unwrap().id, "mine");
    assert_eq!(client.jobs().unwrap(), []);
    assert_eq!(client.job("mine").result().unwrap().text().unwrap(), "hi");
    job.cancel().unwrap();
    assert_eq!(server.requests().len(), 6);
}
