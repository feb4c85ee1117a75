//! Links in one form, for comparing.

/// The link without what makes no difference: scheme, `www.`, letter case of the host,
/// a slash at the end, and the `utm_` parameters that only count visits.
pub fn normal(url: &str) -> String {
    let bare = url.trim().trim_end_matches('/');
    let whole = if bare.contains("://") { bare.to_owned() } else { format!("https://{bare}") };
    let Ok(parsed) = url::Url::parse(&whole) else { return bare.to_lowercase() };
    let host = parsed.host_str().unwrap_or_default().trim_start_matches("www.").to_lowercase();
    let port = parsed.port().map_or_else(String::new, |port| format!(":{port}"));
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parsed.query_pairs().filter(|(name, _)| !name.starts_with("utm_")));
    let query = query.finish();
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let fragment = parsed.fragment().map_or_else(String::new, |fragment| format!("#{fragment}"));
    let user = if parsed.username().is_empty() { String::new() } else { format!("{}@", parsed.username()) };
    format!("{user}{host}{port}{}{query}{fragment}", parsed.path().trim_end_matches('/'))
}

/// The host of a link in normal form.
pub fn host(normal: &str) -> &str {
    normal.split(['/', '?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_to_one_place_are_one() {
        assert_eq!(normal("https://www.Example.com/Restart/?utm_source=mail"), normal("http://example.com/Restart"));
        assert_ne!(normal("https://example.com/restart"), normal("https://example.com/restarts"));
        assert_ne!(normal("https://example.com@evil.test/restart"), normal("https://example.com/restart"));
        assert_eq!(host(&normal("https://example.com/a?b#c")), "example.com");
    }
}
