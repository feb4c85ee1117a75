//! AUTH PLAIN and LOGIN (RFC 4954), so that a client's sign-in can be tested.

use std::io;

use super::behaviour::Verb;
use super::smtp::{Flow, Session};
use super::syntax::decoded;

impl Session<'_> {
    pub(super) async fn auth(&mut self, argument: &str) -> Flow {
        if !self.greeted || self.from.is_some() || self.signed_in {
            return self.say("503 5.5.1 Not now.").await;
        }
        let Some((user, password)) = self.shared.behaviour.credentials.clone() else {
            return self.say("502 5.5.1 There is no AUTH here.").await;
        };
        let mut words = argument.split_whitespace();
        let mechanism = words.next().unwrap_or_default().to_ascii_uppercase();
        let given = match (mechanism.as_str(), words.next()) {
            ("PLAIN", Some(initial)) => decoded(initial),
            ("PLAIN", None) => self.challenge("").await?,
            ("LOGIN", None) => {
                let user = self.challenge("VXNlcm5hbWU6").await?;
                let password = self.challenge("UGFzc3dvcmQ6").await?;
                user.zip(password).map(|(user, password)| format!("\0{user}\0{password}"))
            }
            _ => return self.say("504 5.5.4 This mechanism is not known.").await,
        };
        match given == Some(format!("\0{user}\0{password}")) {
            true => {
                let sign_in = |session: &mut Session<'_>| {
                    session.signed_in = true;
                    true
                };
                self.scripted(Verb::Auth, "235 2.7.0 Welcome.", sign_in).await
            }
            false => self.say("535 5.7.8 Wrong user name or password.").await,
        }
    }

    async fn challenge(&mut self, text: &str) -> io::Result<Option<String>> {
        self.say(&format!("334 {text}")).await?;
        Ok(self.command_line().await?.ok().flatten().as_deref().and_then(decoded))
    }
}
