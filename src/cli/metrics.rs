//! `/metrics` for Prometheus, at an address of its own: what it tells is for whoever runs the machine, not for people or keys.

use std::net::SocketAddr;

use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, web};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::Failed;
use crate::db::Db;
use crate::domain::error::Error;
use crate::worker::meters;

/// Upper ends of the ranges in which answers to the final dot are counted, in seconds.
const DOT_SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0];

/// Serves the numbers of this process, if an address is set. Call it before anything is counted, inside of a running system.
pub(super) fn serve(listen: Option<SocketAddr>, db: &Db) -> Result<(), Failed> {
    let Some(listen) = listen else { return Ok(()) };
    let failed = |error: metrics_exporter_prometheus::BuildError| Failed::Other(error.to_string());
    let numbers = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("countersign_dot_seconds".to_owned()), &DOT_SECONDS)
        .map_err(failed)?
        .install_recorder()
        .map_err(failed)?;
    meters::describe();
    let bound = std::net::TcpListener::bind(listen)?;
    println!("Numbers for monitoring are at http://{}/metrics", bound.local_addr()?);
    let db = db.clone();
    let server = HttpServer::new(move || {
        let (numbers, db) = (web::Data::new(numbers.clone()), web::Data::new(db.clone()));
        App::new().app_data(numbers).app_data(db).route("/metrics", web::get().to(show))
    })
    .workers(1)
    .disable_signals()
    .listen(bound)?
    .run();
    actix_web::rt::spawn(server);
    Ok(())
}

async fn show(numbers: web::Data<PrometheusHandle>, db: web::Data<Db>) -> HttpResponse {
    let read = web::block(move || db.read(meters::read)).await.map_err(Error::internal).and_then(|read| read);
    if let Err(error) = read {
        // What this process counted is told all the same.
        tracing::error!(%error, "the outbox could not be counted");
    }
    numbers.run_upkeep();
    HttpResponse::Ok().content_type(ContentType::plaintext()).body(numbers.render())
}
