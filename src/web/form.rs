//! Form posts: every one carries the token of its session.

use actix_session::SessionExt;
use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use futures_util::future::LocalBoxFuture;
use subtle::ConstantTimeEq;

use super::errors::PageError;
use super::session;
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::text;

/// Largest form taken, in bytes.
pub(super) const LARGEST: usize = 2 * 1024 * 1024;

/// The fields of a form whose token was right.
pub struct Form(Vec<(String, String)>);

impl Form {
    /// The field, or an empty text.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// The field, unless it is missing or blank.
    pub fn some(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.trim().is_empty())
    }

    /// All values of a field, as of checkboxes.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
    }

    /// A whole number, or none where the field is blank.
    pub fn number(&self, name: &str) -> DomainResult<Option<i64>> {
        self.some(name)
            .map(|given| {
                given
                    .trim()
                    .parse()
                    .map_err(|_| Error::invalid("field_invalid", name, format!("{name} must be a whole number; got \"{}\".", text::excerpt(given))))
            })
            .transpose()
    }

    /// One word of a fixed set.
    pub fn word<T: std::str::FromStr<Err = String>>(&self, name: &str) -> DomainResult<T> {
        self.get(name).parse().map_err(|expected| Error::invalid("field_invalid", name, format!("{name} must be {expected}.")))
    }

    /// A list written with commas.
    pub fn list(&self, name: &str) -> Vec<String> {
        self.get(name).split([',', '\n']).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }
}

/// Refuses a post whose token is not that of its session, or that another site caused.
pub fn verify(request: &HttpRequest, token: &str) -> DomainResult<()> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let foreign = header("Sec-Fetch-Site").is_some_and(|site| site == "cross-site" || site == "same-site") || header("Origin") == Some("null");
    let kept: Option<String> = request.get_session().get(session::CSRF).unwrap_or_default();
    let fits = kept.is_some_and(|kept| bool::from(kept.as_bytes().ct_eq(token.as_bytes())));
    if fits && !foreign {
        return Ok(());
    }
    Err(Error::forbidden("form_stale", "This form is too old. Go back, reload the page, and try again."))
}

impl FromRequest for Form {
    type Error = PageError;
    type Future = LocalBoxFuture<'static, Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let bytes = web::Bytes::from_request(&request, payload);
        Box::pin(async move {
            let fields = async {
                let bytes = bytes.await.map_err(|_| Error::too_large("form", LARGEST))?;
                let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
                if !bytes.is_empty() && !kind.starts_with("application/x-www-form-urlencoded") {
                    return Err(Error::forbidden("form_stale", "This form is too old. Go back, reload the page, and try again."));
                }
                let fields: Vec<(String, String)> = url::form_urlencoded::parse(&bytes).into_owned().collect();
                let token = fields.iter().find(|(name, _)| name == "csrf").map_or("", |(_, value)| value);
                verify(&request, token)?;
                Ok(fields)
            };
            fields.await.map(Form).map_err(|error: Error| error.into())
        })
    }
}
