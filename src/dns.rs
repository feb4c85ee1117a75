//! Questions to DNS, about our own sender domains and nothing else.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

/// How long one question may take, in seconds.
const TIMEOUT_SECONDS: u64 = 4;

/// What DNS says: the records, none, or that nobody answered.
pub type Answer = Result<Vec<String>, String>;

/// Asks DNS.
#[derive(Clone, Default)]
pub struct Dns {
    resolver: Option<TokioResolver>,
}

impl Dns {
    /// With the name servers of the system, or with this one.
    pub fn new(server: Option<SocketAddr>) -> Result<Dns, String> {
        let builder = match server {
            Some(server) => {
                let at = |mut connection: ConnectionConfig| {
                    connection.port = server.port();
                    connection
                };
                let mut one = NameServerConfig::udp_and_tcp(server.ip());
                one.connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
                TokioResolver::builder_with_config(ResolverConfig::from_parts(None, vec![], vec![one]), TokioRuntimeProvider::default())
            }
            None => TokioResolver::builder_tokio().map_err(|error| error.to_string())?,
        };
        let mut builder = builder;
        builder.options_mut().timeout = Duration::from_secs(TIMEOUT_SECONDS);
        builder.options_mut().attempts = 2;
        // What somebody has just published must be seen at the next look.
        builder.options_mut().cache_size = 0;
        Ok(Dns { resolver: Some(builder.build().map_err(|error| error.to_string())?) })
    }

    /// The texts of a name, each put together from its parts.
    pub async fn txt(&self, name: &str) -> Answer {
        let resolver = self.resolver.as_ref().ok_or("DNS is not asked here.")?;
        let text = |data: &RData| match data {
            RData::TXT(txt) => Some(txt.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect::<String>()),
            _ => None,
        };
        match resolver.txt_lookup(format!("{}.", name.trim_end_matches('.'))).await {
            Ok(found) => Ok(found.answers().iter().filter_map(|record| text(&record.data)).collect()),
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(vec![]),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The addresses of a host.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let resolver = self.resolver.as_ref().ok_or("DNS is not asked here.")?;
        match resolver.lookup_ip(format!("{}.", host.trim_end_matches('.'))).await {
            Ok(found) => Ok(found.iter().collect()),
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(vec![]),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The names that an address has.
    pub async fn names(&self, address: IpAddr) -> Answer {
        let resolver = self.resolver.as_ref().ok_or("DNS is not asked here.")?;
        let name = |data: &RData| match data {
            RData::PTR(ptr) => Some(ptr.to_string().trim_end_matches('.').to_owned()),
            _ => None,
        };
        match resolver.reverse_lookup(address).await {
            Ok(found) => Ok(found.answers().iter().filter_map(|record| name(&record.data)).collect()),
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(vec![]),
            Err(error) => Err(error.to_string()),
        }
    }
}
