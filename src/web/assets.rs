//! Style sheets and scripts, built into the binary.

use actix_web::{Responder, web};
use actix_web_rust_embed_responder::IntoResponse;
use rust_embed_for_web::RustEmbed;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Static;

pub(super) async fn serve(path: web::Path<String>) -> impl Responder {
    Static::get(&path).into_response()
}
