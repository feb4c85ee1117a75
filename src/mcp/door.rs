//! Who may come in: requests to this host, from this origin, with a key, in clean JSON.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error as ActixError, HttpMessage, HttpRequest};
use futures_util::{future, stream};
use serde_json::Value;
use url::{Host, Url};

use crate::api::error::Problem;
use crate::api::json;
use crate::api::key::Key;
use crate::app::State;
use crate::domain::actor::Actor;
use crate::domain::error::Error;

/// The key behind a request.
#[derive(Clone)]
pub(super) struct Caller(pub Actor);

/// Lets a request in with its caller, or answers as REST does.
pub(super) async fn guard(mut request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, ActixError> {
    match admit(&mut request).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await.map(ServiceResponse::map_into_boxed_body)
        }
        Err(problem) => Ok(request.error_response(problem)),
    }
}

async fn admit(request: &mut ServiceRequest) -> Result<Caller, Problem> {
    let base = request.app_data::<actix_web::web::Data<State>>().and_then(|state| Url::parse(&state.base_url).ok());
    check_host(request.request(), base.as_ref())?;
    check_origin(request.request(), base.as_ref())?;
    let key = Key::of(request.request()).await?;
    if request.method() == Method::POST {
        let (http, payload) = request.parts_mut();
        let body = json::body(http, payload).await?;
        // The transport would take the last of two equal keys; what a proxy or a log saw may be the first.
        json::parse::<Value>(&body)?;
        request.set_payload(Payload::Stream { payload: Box::pin(stream::once(future::ok(body))) });
    }
    Ok(Caller(key.0))
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
