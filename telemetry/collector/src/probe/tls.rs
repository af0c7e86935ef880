use std::sync::{Arc, Mutex, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;
use watchfire_schemas::Timestamp;

use super::certificate::not_after;

/// Judges certificates as this system does, or takes any, and writes down when the first of them
/// ends, also of those that it refuses.
#[derive(Debug)]
pub(crate) struct Recording {
    inner: Arc<dyn ServerCertVerifier>,
    takes_any: bool,
    earliest_end: Mutex<Option<Timestamp>>,
}

impl Recording {
    pub(crate) fn new(takes_any: bool) -> Result<Arc<Self>, String> {
        Ok(Arc::new(Self {
            inner: system_verifier()?,
            takes_any,
            earliest_end: Mutex::default(),
        }))
    }

    pub(crate) fn earliest_end(&self) -> Option<Timestamp> {
        *self
            .earliest_end
            .lock()
            .expect("no holder of this lock panics")
    }

    /// What a client needs to speak TLS under our eyes.
    pub(crate) fn client(self: &Arc<Self>) -> Result<ClientConfig, String> {
        let versions =
            ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        Ok(versions
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth())
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Made once: it reads the certificates that this system trusts.
fn system_verifier() -> Result<Arc<dyn ServerCertVerifier>, String> {
    static SYSTEM: OnceLock<Result<Arc<Verifier>, String>> = OnceLock::new();
    let made = SYSTEM.get_or_init(|| {
        let made = Verifier::new(provider());
        made.map(Arc::new)
            .map_err(|error| format!("the system's certificates cannot be read: {error}"))
    });
    made.clone()
        .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
}

impl ServerCertVerifier for Recording {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let ends = std::iter::once(end_entity)
            .chain(intermediates)
            .filter_map(|der| not_after(der));
        *self
            .earliest_end
            .lock()
            .expect("no holder of this lock panics") = ends.min();
        if self.takes_any {
            return Ok(ServerCertVerified::assertion());
        }
        self.inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
