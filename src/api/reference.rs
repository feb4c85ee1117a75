//! `/v1/openapi.json`: the description of the API, for programs.

use actix_web::HttpResponse;
use serde_json::{Map, Value};

use super::openapi;
use super::operations::{Access, Operation, get};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/openapi.json", "get_openapi", "The description of this API")
            .about("OpenAPI 3.1. People read the same at /reference.")
            .open_to(Access::Public)
            .answers::<Map<String, Value>>(200)
            .to(show),
    ]
}

pub async fn show() -> HttpResponse {
    HttpResponse::Ok().json(openapi::document())
}
