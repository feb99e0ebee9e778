//! Calls that go on without their client.

use std::time::Duration;

use owt_core::{Error, Progress};
use reqwest::{Client, Method, RequestBuilder, Response};
use rstest::rstest;
use serde_json::{Value, json};

use super::super::*;
use super::server::{Server, digest, header, start, start_with};

fn submit(server: &Server, code: &str, id: &str) -> RequestBuilder {
    let call = Client::new().get(server.run(code)).header("prefer", "respond-async");
    call.header("owt-request-id", id)
}

async fn submitted(server: &Server, code: &str, id: &str) -> Response {
    submit(server, code, id).send().await.unwrap()
}

/// What is at the address of a job, once it has ended.
async fn fetch(server: &Server, id: &str) -> Response {
    server.get(server.url(&format!("/_owt/jobs/{id}?wait=10"))).await
}

async fn delete(server: &Server, id: &str) -> u16 {
    let url = server.url(&format!("/_owt/jobs/{id}"));
    Client::new().delete(url).send().await.unwrap().status().as_u16()
}

/// What is told of jobs, without their times.
async fn jobs(server: &Server) -> Vec<Value> {
    let response = server.get(server.url("/_owt/jobs")).await;
    let mut jobs: Vec<Value> = response.json().await.unwrap();
    for job in &mut jobs {
        for time in ["age", "ended"] {
            job.as_object_mut().unwrap().remove(time);
        }
    }
    jobs
}

fn error(response: &Response) -> (u16, Option<&str>) {
    (response.status().as_u16(), header(response, "owt-error"))
}

#[actix_web::test]
async fn a_job_runs_without_its_client_and_keeps_its_reply() {
    let server = start();
    let accepted = submitted(&server, "stream", "mine").await;
    assert_eq!(accepted.status(), 202);
    for (name, value) in [
        ("owt-job", "mine"),
        ("owt-job-state", "running"),
        ("location", "/_owt/jobs/mine"),
        ("preference-applied", "respond-async"),
        ("retry-after", "1"),
        ("cache-control", "no-store"),
        ("owt-request-id", "mine"),
        ("owt-code-sha256", &digest("stream")),
    ] {
        assert_eq!(header(&accepted, name), Some(value), "{name}");
    }
    let info: Value = accepted.json().await.unwrap();
    assert_eq!((&info["id"], &info["state"]), (&json!("mine"), &json!("running")));
    let kept = json!({
        "id": "mine", "digest": digest("stream"), "method": "GET", "path": "/", "state": "done",
        "status": 200, "bytes": 3,
    });
    for _ in 0..2 {
        let reply = fetch(&server, "mine").await;
        assert_eq!(reply.status(), 200);
        assert_eq!(header(&reply, "owt-job"), Some("mine"));
        assert_eq!(header(&reply, "owt-job-state"), Some("done"));
        assert_eq!(header(&reply, "content-type"), Some("text/plain"));
        assert_eq!(header(&reply, "content-length"), Some("3"));
        assert_eq!(
            header(&reply, "server-timing"),
            Some("queue;dur=1.000, load;dur=2.000, run;dur=3.000")
        );
        assert_eq!(header(&reply, "owt-code-sha256"), Some(&*digest("stream")));
        assert_eq!(reply.text().await.unwrap(), "abc");
        assert_eq!(jobs(&server).await, std::slice::from_ref(&kept));
    }
    assert_eq!(server.recorded.runs(), 1);
    assert_eq!(delete(&server, "mine").await, 204);
    assert_eq!(error(&fetch(&server, "mine").await), (404, Some("job-unknown")));
    assert_eq!(delete(&server, "mine").await, 404);
}

#[actix_web::test]
async fn who_waits_long_enough_gets_the_reply_at_once() {
    let limits = JobLimits { count: 1, ..JobLimits::default() };
    let server = start_with(|state| state.jobs = Jobs::new(limits));
    let call = Client::new().get(server.run("missing")).header("prefer", "respond-async, wait=10");
    let reply = call.send().await.unwrap();
    assert_eq!(reply.status(), 404);
    assert_eq!(header(&reply, "preference-applied"), Some("respond-async"));
    assert_eq!(reply.text().await.unwrap(), "nothing");
    // For a client that has gone meanwhile; but it counts as read.
    assert_eq!(jobs(&server).await[0]["status"], 404);
    assert_eq!(submitted(&server, "hello", "mine").await.status(), 202);
    assert_eq!(jobs(&server).await.len(), 1);
}

#[actix_web::test]
async fn a_job_that_runs_tells_how_far_it_has_come() {
    let server = start();
    submitted(&server, "hang", "mine").await;
    server.recorded.until_open(1).await;
    server.recorded.report("mine", &Progress::new(1.0, Some(4.0), None).unwrap());
    let expected = json!({ "done": 1, "total": 4, "text": null });
    let running = server.get(server.url("/_owt/jobs/mine")).await;
    assert_eq!(running.status(), 202);
    assert_eq!(running.json::<Value>().await.unwrap()["progress"], expected);
    assert_eq!(jobs(&server).await[0]["progress"], expected);
    let status = server.get(server.url("/_owt/jobs/mine/status")).await;
    assert_eq!(status.status(), 200);
    assert_eq!(status.json::<Value>().await.unwrap()["progress"], expected);
    let waiting = server.get(server.url("/_owt/jobs/mine?wait=0.05")).await;
    assert_eq!(waiting.status(), 202);
    server.recorded.cancel_all();
    assert_eq!(error(&fetch(&server, "mine").await), (409, Some("cancelled")));
    assert_eq!(jobs(&server).await[0]["state"], "cancelled");
}

#[actix_web::test]
async fn deleting_a_job_cancels_its_call() {
    let server = start();
    submitted(&server, "hang", "mine").await;
    server.recorded.until_open(1).await;
    assert_eq!(delete(&server, "mine").await, 204);
    server.recorded.until_open(0).await;
    assert_eq!(error(&fetch(&server, "mine").await), (404, Some("job-unknown")));
    // Its id is free again.
    assert_eq!(submitted(&server, "hello", "mine").await.status(), 202);
    assert_eq!(fetch(&server, "mine").await.text().await.unwrap(), "hello");
}

#[actix_web::test]
async fn asking_for_its_status_does_not_count_as_fetching_a_reply() {
    let limits = JobLimits { count: 1, ..JobLimits::default() };
    let server = start_with(|state| state.jobs = Jobs::new(limits));
    submitted(&server, "hello", "a").await;
    let status = server.get(server.url("/_owt/jobs/a/status?wait=10")).await;
    assert_eq!(status.json::<Value>().await.unwrap()["state"], "done");
    assert_eq!(error(&submitted(&server, "count", "b").await), (503, Some("jobs-full")));
    let unknown = server.get(server.url("/_owt/jobs/b/status")).await;
    assert_eq!(error(&unknown), (404, Some("job-unknown")));
}

#[actix_web::test]
async fn source_that_the_server_does_not_have_is_asked_for_at_once() {
    let server = start();
    let url = server.url(&format!("/?code_sha256={}", digest("hello")));
    let submit = || Client::new().get(&url).header("prefer", "respond-async").send();
    assert_eq!(error(&submit().await.unwrap()), (404, Some("code-unknown")));
    server.text(server.run("hello")).await;
    assert_eq!(submit().await.unwrap().status(), 202);
}

#[rstest]
#[case("no such code", 500, "adaptor-raised")]
#[case("break", 500, "adaptor-raised")]
#[case("no status", 500, "reply-invalid")]
#[actix_web::test]
async fn a_job_that_fails_says_why_as_its_call_would(
    #[case] code: &str,
    #[case] status: u16,
    #[case] kind: &str,
) {
    let server = start();
    assert_eq!(submitted(&server, code, "mine").await.status(), 202);
    assert_eq!(error(&fetch(&server, "mine").await), (status, Some(kind)));
    let job = &jobs(&server).await[0];
    assert_eq!((&job["state"], &job["status"]), (&json!("failed"), &json!(status)));
    assert_eq!(server.state.counters.errors()[kind], 1);
}

#[actix_web::test]
async fn an_id_is_one_jobs_as_long_as_its_reply_is_kept() {
    let server = start();
    submitted(&server, "hello", "mine").await;
    fetch(&server, "mine").await;
    assert_eq!(error(&submitted(&server, "count", "mine").await), (409, Some("request-id-taken")));
    assert_eq!(fetch(&server, "mine").await.text().await.unwrap(), "hello");
}

#[actix_web::test]
async fn a_job_of_a_server_before_is_lost() {
    let server = start();
    let made = server.state.request_ids.make();
    assert_eq!(error(&fetch(&server, &made).await), (404, Some("job-unknown")));
    let other = RequestIds::new().make();
    assert_eq!(error(&fetch(&server, &other).await), (410, Some("job-lost")));
}

#[actix_web::test]
async fn only_what_was_fetched_makes_room_for_other_jobs() {
    let limits = JobLimits { count: 2, ..JobLimits::default() };
    let server = start_with(|state| state.jobs = Jobs::new(limits));
    submitted(&server, "hello", "a").await;
    submitted(&server, "hang", "b").await;
    let full = submitted(&server, "count", "c").await;
    assert_eq!(error(&full), (503, Some("jobs-full")));
    assert_eq!(header(&full, "retry-after"), Some("1"));
    fetch(&server, "a").await;
    assert_eq!(submitted(&server, "count", "c").await.status(), 202);
    assert_eq!(error(&fetch(&server, "a").await), (404, Some("job-unknown")));
    server.recorded.cancel_all();
}

#[actix_web::test]
async fn a_reply_for_which_there_is_no_room_is_dropped() {
    // "text/plain" and "server-timing" with their values, and so many bytes of a body.
    let head = "content-typetext/plainserver-timingqueue;dur=1.000, load;dur=2.000, run;dur=3.000";
    let probe = start();
    submitted(&probe, "hang", "p").await;
    // What a job takes that runs.
    let own = probe.state.jobs_bytes();
    probe.recorded.cancel_all();
    let limits = JobLimits { bytes: 2 * (own + head.len()) + 9, ..JobLimits::default() };
    let server = start_with(|state| state.jobs = Jobs::new(limits));
    submitted(&server, "hello", "a").await;
    fetch_unread(&server, "a").await;
    submitted(&server, "hello", "b").await;
    assert_eq!(error(&fetch(&server, "b").await), (507, Some("job-too-large")));
    assert_eq!(server.state.jobs_bytes(), 2 * own + head.len() + 5);
    assert_eq!(delete(&server, "b").await, 204);
    fetch(&server, "a").await;
    submitted(&server, "stream", "c").await;
    assert_eq!(fetch(&server, "c").await.text().await.unwrap(), "abc");
    assert_eq!(server.state.jobs_bytes(), 2 * (own + head.len()) + 8);
    submitted(&server, "hello", "d").await;
    assert_eq!(fetch(&server, "d").await.text().await.unwrap(), "hello");
    assert_eq!(error(&fetch(&server, "a").await), (404, Some("job-unknown")));
}

#[actix_web::test]
async fn the_words_of_an_error_take_room_as_well() {
    let server = start();
    let text = "x".repeat(10_000);
    *server.recorded.error.lock() = Some(Error::AdaptorRaised(text.clone()));
    submitted(&server, "fail", "a").await;
    assert_eq!(fetch(&server, "a").await.text().await.unwrap(), format!("{text}\n"));
    assert!(server.state.jobs_bytes() > text.len());
    let limits = JobLimits { bytes: 5000, ..JobLimits::default() };
    let server = start_with(|state| state.jobs = Jobs::new(limits));
    *server.recorded.error.lock() = Some(Error::AdaptorRaised(text));
    submitted(&server, "fail", "a").await;
    assert_eq!(error(&fetch(&server, "a").await), (507, Some("job-too-large")));
    assert!(server.state.jobs_bytes() < 1000);
}

#[actix_web::test]
async fn a_reply_takes_room_until_its_last_reader_has_it() {
    let limits = JobLimits { bytes: 9 << 20, ..JobLimits::default() };
    let server = start_with(|state| state.jobs = Jobs::new(limits));
    let body = "x".repeat(8 << 20);
    let submit = |id: &'static str| {
        let call = Client::new().post(server.run("echo")).header("prefer", "respond-async");
        call.body(body.clone()).header("owt-request-id", id).send()
    };
    submit("a").await.unwrap();
    // Its head has come, and the client reads no further.
    let stalled = fetch(&server, "a").await;
    assert_eq!(stalled.status(), 200);
    assert_eq!(delete(&server, "a").await, 204);
    submit("b").await.unwrap();
    assert_eq!(error(&fetch(&server, "b").await), (507, Some("job-too-large")));
    assert_eq!(stalled.text().await.unwrap().len(), body.len());
    while server.state.jobs_bytes() > 8 << 20 {
        tokio::task::yield_now().await;
    }
    submit("c").await.unwrap();
    assert_eq!(fetch(&server, "c").await.text().await.unwrap(), body);
}

#[actix_web::test]
async fn what_can_never_fit_drives_nothing_out() {
    let limits = JobLimits { bytes: 100_000, ..JobLimits::default() };
    let server = start_with(|state| state.jobs = Jobs::new(limits));
    submitted(&server, "hello", "a").await;
    fetch(&server, "a").await;
    let call = Client::new().post(server.run("echo")).header("prefer", "respond-async");
    call.body("x".repeat(200_000)).header("owt-request-id", "b").send().await.unwrap();
    assert_eq!(error(&fetch(&server, "b").await), (507, Some("job-too-large")));
    assert_eq!(fetch(&server, "a").await.text().await.unwrap(), "hello");
}

#[actix_web::test]
async fn of_a_long_path_the_beginning_is_told() {
    let server = start();
    let url = server.run("hello").replace("/?", &format!("/{}?", "a".repeat(10_000)));
    Client::new().get(url).header("prefer", "respond-async").send().await.unwrap();
    assert_eq!(jobs(&server).await[0]["path"], format!("/{}", "a".repeat(255)));
}

#[actix_web::test]
async fn progress_is_told_of_the_job_itself() {
    let server = start();
    submitted(&server, "hello", "mine").await;
    fetch(&server, "mine").await;
    // A call of the same id, which has nothing to do with the job that has ended.
    let call = Client::new().get(server.run("hang")).header("owt-request-id", "mine");
    let call = actix_web::rt::spawn(call.send());
    server.recorded.until_open(1).await;
    server.recorded.report("mine", &Progress::new(1.0, None, None).unwrap());
    assert_eq!(jobs(&server).await[0].get("progress"), None);
    server.recorded.cancel_all();
    call.await.unwrap().unwrap();
}

#[rstest]
#[case("script", 403)]
#[case("image", 403)]
#[case("document", 200)]
#[actix_web::test]
async fn pages_of_others_load_no_replies(#[case] destination: &str, #[case] status: u16) {
    let server = start();
    submitted(&server, "hello", "mine").await;
    fetch_unread(&server, "mine").await;
    let mode = if destination == "document" { "navigate" } else { "no-cors" };
    let load = Client::new().get(server.url("/_owt/jobs/mine"));
    let load = load.header("sec-fetch-site", "none").header("sec-fetch-mode", mode);
    let load = load.header("sec-fetch-dest", destination).header("user-agent", "Mozilla/5.0");
    assert_eq!(load.send().await.unwrap().status(), status);
}

#[actix_web::test]
async fn a_reply_is_kept_for_its_time() {
    let limits = JobLimits { age: Duration::from_millis(20), ..JobLimits::default() };
    let server = start_with(|state| state.jobs = Jobs::new(limits));
    submitted(&server, "hello", "mine").await;
    while !jobs(&server).await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(error(&fetch(&server, "mine").await), (404, Some("job-unknown")));
    assert_eq!(server.state.jobs_bytes(), 0);
}

#[actix_web::test]
async fn a_body_is_read_before_its_client_is_answered() {
    let server = start();
    let body = "x".repeat(1 << 20);
    let call = Client::new().post(server.run("echo")).header("prefer", "respond-async");
    let accepted = call.body(body.clone()).header("owt-request-id", "mine").send().await.unwrap();
    assert_eq!(accepted.status(), 202);
    assert_eq!(fetch(&server, "mine").await.text().await.unwrap(), body);
}

#[actix_web::test]
async fn a_cached_result_is_a_jobs_reply_too() {
    let server = start();
    let url = format!("{}&use_cache=1", server.run("count"));
    for (id, word) in [("a", "miss"), ("b", "hit")] {
        let call = Client::new().get(&url).header("prefer", "respond-async");
        call.header("owt-request-id", id).send().await.unwrap();
        let reply = fetch(&server, id).await;
        assert_eq!(header(&reply, "owt-cache"), Some(word));
        assert_eq!(reply.text().await.unwrap(), "1");
    }
}

#[rstest]
#[case(Method::HEAD, "/_owt/jobs", 200)]
#[case(Method::POST, "/_owt/jobs", 404)]
#[case(Method::DELETE, "/_owt/jobs", 404)]
#[case(Method::DELETE, "/_owt/jobs/", 404)]
#[case(Method::GET, "/_owt/jobs/", 404)]
#[case(Method::GET, "/_owt/jobsx", 404)]
#[case(Method::GET, "/_owt/jobs/a/b", 404)]
#[case(Method::GET, "/_owt/jobs/mine?wait=soon", 400)]
#[actix_web::test]
async fn only_these_are_requests_for_jobs(
    #[case] method: Method,
    #[case] path: &str,
    #[case] status: u16,
) {
    let server = start();
    let response = Client::new().request(method, server.url(path)).send().await.unwrap();
    assert_eq!(response.status(), status);
}

/// Waits for the end of a job without having its reply.
async fn fetch_unread(server: &Server, id: &str) {
    let url = server.url(&format!("/_owt/jobs/{id}?wait=10"));
    assert_eq!(Client::new().head(url).send().await.unwrap().status(), 200);
}

impl AppState {
    fn jobs_bytes(&self) -> usize {
        self.jobs.counts().bytes
    }
}
