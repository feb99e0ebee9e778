//! What owt is measured against: actix-web alone. It decodes the envelope as owt does, and answers
//! what the benchmark's adaptor answers, without running Python. The port is the argument.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use actix_web::{App, HttpResponse, HttpServer, web};
use owt_core::Envelope;

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok());
    let port = port.ok_or_else(|| std::io::Error::other("usage: bench-server PORT"))?;
    HttpServer::new(|| App::new().default_service(web::to(handle)))
        .bind((Ipv4Addr::LOCALHOST, port))?
        .run()
        .await
}

async fn handle(body: web::Bytes) -> HttpResponse {
    match greeting(&body) {
        Some(text) => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text),
        None => HttpResponse::BadRequest().finish(),
    }
}

fn greeting(body: &[u8]) -> Option<String> {
    let envelope = Envelope::from_json(body).ok()??;
    let kwargs: HashMap<String, String> = serde_json::from_str(&envelope.kwargs?).ok()?;
    Some(format!("Hello, {}!", kwargs.get("name")?))
}
