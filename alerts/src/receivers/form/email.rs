//! A mail about a group of alerts.

use serde_json::json;

use crate::notify::{Address, Mail};
use crate::receivers::teller::Teller;
use crate::rules::template::Template;

#[derive(Debug, Clone)]
pub(crate) struct EmailForm {
    pub to: Template,
    pub from: Template,
    pub subject: Template,
    /// Further header fields.
    pub headers: Vec<(String, Template)>,
    pub html: Template,
    pub text: Template,
    /// Whether the mails of a group are one thread; and whether each day has its own.
    pub threads: bool,
    pub by_day: bool,
}

impl EmailForm {
    pub(super) fn render(&self, teller: &Teller<'_>) -> String {
        let notice = teller.notice();
        let from = teller.text(&self.from);
        let parsed = Address::parse(&from);
        let domain = parsed.as_ref().map_or("localhost", Address::domain);
        let to = teller.text(&self.to);
        let to = Address::parse_list(&to).map_or_else(
            |_| vec![to],
            |all| all.iter().map(Address::written).collect(),
        );
        let key = notice.dedup_key();
        let day = notice.at.to_string();
        let day = if self.by_day { day.get(..10) } else { None };
        let thread = format!("{key}{}@{domain}", day.unwrap_or_default());
        let mail = Mail {
            from,
            to,
            subject: teller.text(&self.subject),
            message_id: format!("{key}.{}@{domain}", notice.at.nanos()),
            in_reply_to: self.threads.then_some(thread),
            date: notice.at,
            headers: self
                .headers
                .iter()
                .map(|(name, template)| (name.clone(), teller.text(template)))
                .collect(),
            text: teller.text(&self.text),
            html: teller.html(&self.html),
        };
        json!(mail).to_string()
    }
}
