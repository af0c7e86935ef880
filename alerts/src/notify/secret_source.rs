use std::path::PathBuf;

use reqwest::Url;

use super::failure::{Failure, FailureReason};
use super::secret::Secret;

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretSource {
    Written(Secret),
    /// Read anew for each attempt, so that a secret can be replaced while we run.
    File(PathBuf),
}

impl SecretSource {
    /// The secret as it is now. That it cannot be read may pass: somebody is replacing the file.
    pub(crate) async fn read(&self) -> Result<Secret, Failure> {
        match self {
            Self::Written(secret) => Ok(secret.clone()),
            Self::File(path) => match tokio::fs::read_to_string(path).await {
                Ok(text) => Ok(Secret::from(text.trim())),
                Err(error) => Err(Failure {
                    reason: FailureReason::SecretUnreadable,
                    http_status: None,
                    retry_after: None,
                    text: format!("{} cannot be read: {}", path.display(), error.kind()),
                }),
            },
        }
    }

    /// What was written out; none for what is in a file.
    pub(crate) fn written(&self) -> Option<&Secret> {
        match self {
            Self::Written(secret) => Some(secret),
            Self::File(_) => None,
        }
    }

    /// A name for the secret, or for the file that it is in.
    pub(crate) fn fingerprint(&self) -> String {
        match self {
            Self::Written(secret) => secret.fingerprint(),
            Self::File(path) => Secret::from(path.display().to_string()).fingerprint(),
        }
    }

    /// What is wrong with it as an address. What is in a file is seen when it is used.
    pub(crate) fn check_as_url(&self) -> Result<(), &'static str> {
        let Some(secret) = self.written() else {
            return Ok(());
        };
        let parsed = Url::parse(secret.expose()).map_err(|_| "the URL is not a URL")?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err("the URL must be http:// or https://");
        }
        Ok(())
    }
}

impl From<Secret> for SecretSource {
    fn from(secret: Secret) -> Self {
        Self::Written(secret)
    }
}
