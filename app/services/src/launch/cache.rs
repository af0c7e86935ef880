use super::{Launch, LaunchError, ServiceName};
use crate::gateway::CacheUrl;
use crate::secret::Secrets;

impl Launch {
    /// Where the gateway's cache is shared, if it is said.
    pub(super) fn cache(&self) -> Result<Option<CacheUrl>, LaunchError> {
        if !self.runs(ServiceName::Gateway) {
            return Ok(None);
        }
        let secret = Secrets::given("gateway.cache").map_err(LaunchError::Secret)?;
        match (&self.cache, secret) {
            (Some(_), Some(_)) => Err(LaunchError::Setting(
                "the gateway's cache is given twice, by --cache and by the secret gateway.cache"
                    .to_owned(),
            )),
            (Some(url), None) => Ok(Some(url.clone())),
            (None, Some(secret)) => {
                let url = CacheUrl::parse(secret.reveal());
                url.map(Some).map_err(LaunchError::Cache)
            }
            (None, None) => Ok(None),
        }
    }
}
