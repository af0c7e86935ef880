use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rand::distr::{Alphanumeric, SampleString};

/// What must not be told. It shows itself only to who asks for it by name.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Where the services' secrets come from: the variable `WATCHFIRE_PAYMENTS_PROVIDER` for the secret
/// `payments.provider`, or the file that `WATCHFIRE_PAYMENTS_PROVIDER_FILE` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// One that is not given is an error: it must be the same in several processes.
    Given,
    /// One that is not given is drawn at random, and good for this run only.
    GivenOrDrawn,
}

/// The secrets of one launch. One that is drawn is the same for all who ask for it.
#[derive(Debug)]
pub(crate) struct Keyring {
    secrets: Secrets,
    had: Mutex<BTreeMap<String, Secret>>,
}

impl Keyring {
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self {
            secrets,
            had: Mutex::default(),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Result<Secret, SecretError> {
        let mut had = self.had.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = had.get(name) {
            return Ok(secret.clone());
        }
        let secret = self.secrets.get(name)?;
        had.insert(name.to_owned(), secret.clone());
        Ok(secret)
    }
}

/// Why a secret is not to be had. It does not hold the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the secret {name} is not given: set {variable} or {variable}_FILE")]
    Missing { name: String, variable: String },
    #[error("the secret {name} is given twice, by {variable} and by {variable}_FILE")]
    Twice { name: String, variable: String },
    #[error("the secret {name} is empty")]
    Empty { name: String },
    #[error("the secret {name} cannot be read: {reason}")]
    Malformed { name: String, reason: String },
    #[error("the file {path} of the secret {name} cannot be read")]
    Unreadable {
        name: String,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// A drawn secret has this many letters and digits, about 190 bits.
const DRAWN: usize = 32;

impl Secrets {
    pub(crate) fn get(self, name: &str) -> Result<Secret, SecretError> {
        self.look_up(name, |variable| std::env::var(variable).ok())
    }

    /// The secret, if it is given: one that a service can do without.
    pub(crate) fn given(name: &str) -> Result<Option<Secret>, SecretError> {
        match Self::Given.get(name) {
            Ok(secret) => Ok(Some(secret)),
            Err(SecretError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn look_up(
        self,
        name: &str,
        variable_of: impl Fn(&str) -> Option<String>,
    ) -> Result<Secret, SecretError> {
        let variable = format!("WATCHFIRE_{}", name.to_uppercase().replace(['.', '-'], "_"));
        let written = variable_of(&variable);
        let file = variable_of(&format!("{variable}_FILE")).map(PathBuf::from);
        let name = name.to_owned();
        let text = match (written, file) {
            (Some(_), Some(_)) => return Err(SecretError::Twice { name, variable }),
            (Some(text), None) => text,
            (None, Some(path)) => std::fs::read_to_string(&path).map_err(|source| {
                let name = name.clone();
                SecretError::Unreadable { name, path, source }
            })?,
            (None, None) if self == Self::GivenOrDrawn => {
                return Ok(Secret(Alphanumeric.sample_string(&mut rand::rng(), DRAWN)));
            }
            (None, None) => return Err(SecretError::Missing { name, variable }),
        };
        match text.trim() {
            "" => Err(SecretError::Empty { name }),
            text => Ok(Secret(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_up(secrets: Secrets, given: &[(&str, &str)]) -> Result<Secret, SecretError> {
        secrets.look_up("payments.provider", |variable| {
            let found = given.iter().find(|(name, _)| *name == variable);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_secret_comes_from_its_variable_or_its_file_and_is_never_shown() {
        let secret = look_up(Secrets::Given, &[("WATCHFIRE_PAYMENTS_PROVIDER", " abc\n")]).unwrap();
        assert_eq!(secret.reveal(), "abc");
        assert!(!format!("{secret:?}").contains("abc"));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from the file\n").unwrap();
        let path = file.path().to_str().unwrap();
        let given = [("WATCHFIRE_PAYMENTS_PROVIDER_FILE", path)];
        let secret = look_up(Secrets::GivenOrDrawn, &given).unwrap();
        assert_eq!(secret.reveal(), "from the file");
    }

    #[test]
    fn what_is_missing_or_doubtful_is_named() {
        let check = |given: &[(&str, &str)], expected: &str| {
            let error = look_up(Secrets::Given, given).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        let name = "WATCHFIRE_PAYMENTS_PROVIDER";
        check(
            &[],
            "the secret payments.provider is not given: set WATCHFIRE_PAYMENTS_PROVIDER or WATCHFIRE_PAYMENTS_PROVIDER_FILE",
        );
        check(&[(name, " ")], "the secret payments.provider is empty");
        check(
            &[(name, "abc"), ("WATCHFIRE_PAYMENTS_PROVIDER_FILE", "/x")],
            "the secret payments.provider is given twice, by WATCHFIRE_PAYMENTS_PROVIDER and by WATCHFIRE_PAYMENTS_PROVIDER_FILE",
        );
    }

    #[test]
    fn a_drawn_secret_is_the_same_within_one_launch() {
        let keyring = Keyring::new(Secrets::GivenOrDrawn);
        let draw = |name| keyring.get(name).unwrap();
        assert_eq!(draw("no.such"), draw("no.such"));
        assert_ne!(draw("no.such"), draw("no.other"));
    }

    #[test]
    fn a_drawn_secret_is_another_one_each_time() {
        let draw = || look_up(Secrets::GivenOrDrawn, &[]).unwrap();
        assert_ne!(draw(), draw());
        assert_eq!(draw().reveal().len(), DRAWN);
    }
}
