//! Who may come in: requests to this host, from this origin, with a key, in clean JSON.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error as ActixError, HttpMessage, HttpRequest};
use serde_json::Value;
use url::{Host, Url};

use super::once::Caller;
use crate::api::door::{self, Visit};
use crate::api::error::Problem;
use crate::api::json;
use crate::app::State;
use crate::domain::calls::{self, Surface};
use crate::domain::error::Error;

/// Lets a request in with its caller, or answers as REST does.
pub(super) async fn guard(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, ActixError> {
    door::identified(request, |request| attend(request, next)).await
}

async fn attend(mut request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let mut visit = Visit::begin(request.request(), Surface::Mcp, request.method().as_str(), "/mcp")?;
    let response = match admit(&mut request, &mut visit).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await?.map_into_boxed_body()
        }
        Err(problem) => request.error_response(problem),
    };
    Ok(visit.end(response))
}

async fn admit(request: &mut ServiceRequest, visit: &mut Visit) -> Result<Caller, Problem> {
    let base = request.app_data::<actix_web::web::Data<State>>().and_then(|state| Url::parse(&state.base_url).ok());
    check_host(request.request(), base.as_ref())?;
    check_origin(request.request(), base.as_ref())?;
    let key = visit.admit(request.request()).await?;
    if request.method() == Method::POST {
        let body = json::take_body(request).await?;
        // The transport would take the last of two equal keys; what a proxy or a log saw may be the first.
        let asked = json::parse::<Value>(&body)?;
        visit.is_called(asked["method"].as_str().unwrap_or_default());
    }
    let request_id = calls::current().map(|call| call.request_id).unwrap_or_default();
    let peer = request.peer_addr().map(|peer| peer.ip().to_string());
    Ok(Caller { actor: key.0, request_id, peer, called: visit.elsewhere() })
}

/// A page that a browser was led to by another name must not reach a server on loopback.
fn check_host(request: &HttpRequest, base: Option<&Url>) -> Result<(), Problem> {
    let named = match request.headers().get(header::HOST) {
        Some(host) => host.to_str().ok().map(str::to_owned),
        // HTTP/2 names it in the address.
        None => request.uri().authority().map(ToString::to_string),
    };
    let named = named.and_then(|named| Url::parse(&format!("http://{named}")).ok());
    let listening = Url::parse(&format!("http://{}", request.app_config().local_addr())).ok();
    let known = named.as_ref().and_then(Url::host).is_some_and(|host| {
        is_loopback(&host) || base.and_then(Url::host).is_some_and(|base| base == host) || listening.as_ref().and_then(Url::host) == Some(host)
    });
    if known {
        return Ok(());
    }
    Err(Error::forbidden("host_refused", "This server does not go by the name in the Host header. Use the address of its base URL.").into())
}

/// Programs send no Origin; a page of somebody else does.
fn check_origin(request: &HttpRequest, base: Option<&Url>) -> Result<(), Problem> {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok());
    let known = origin.is_some_and(|origin| {
        origin.host().is_some_and(|host| is_loopback(&host)) || base.is_some_and(|base| base.origin().is_tuple() && base.origin() == origin.origin())
    });
    if known {
        return Ok(());
    }
    Err(Error::forbidden("origin_refused", "Pages of another origin may not call this server. Call it from a program, which sends no Origin header.")
        .into())
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}
