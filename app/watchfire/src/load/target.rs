use std::path::Path;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::expectation::Expectation;
use super::host::Origin;
use super::template::{Place, Template};

/// How we call ourselves, so that our requests are found among others.
pub(crate) const AGENT: &str = concat!("watchfire/", env!("CARGO_PKG_VERSION"));

/// A target as it is written down.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    pub(crate) name: Option<String>,
    pub(crate) url: String,
    pub(crate) method: Option<String>,
    /// A later one of the same name takes the place of an earlier one.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) expect: Option<Expectation>,
    pub(crate) weight: Option<f64>,
}

/// Requests of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) weight: f64,
    pub(crate) expectation: Expectation,
    method: Method,
    path: Varying<Uri>,
    headers: HeaderMap,
    varying: Vec<(HeaderName, Template)>,
    body: Varying<Bytes>,
}

/// Made once if it is always the same.
#[derive(Debug, Clone)]
enum Varying<T> {
    Fixed(T),
    Each(Template),
}

impl Target {
    /// Checked so far that no request of it can fail to be made.
    pub(crate) fn read(written: &Written, folder: &Path, agent: &str) -> Result<Self, String> {
        let (origin, rest) = Origin::split(&written.url).map_err(|error| error.to_string())?;
        let rest = if rest.starts_with('/') {
            rest.to_owned()
        } else {
            format!("/{rest}")
        };
        let method = written.method.as_deref().unwrap_or("GET");
        let method: Method = method
            .parse()
            .ok()
            .filter(|method| *method != Method::CONNECT)
            .ok_or_else(|| format!("{method:?} is no method that can be sent"))?;
        let path = Template::parse(&rest, Place::Address, folder)?;
        let sample = path.text(0, &mut StdRng::seed_from_u64(0));
        let uri: Uri = sample
            .parse()
            .map_err(|error| format!("{:?} is no address: {error}", written.url))?;
        let body = Template::parse(&written.body, Place::Body, folder)?;
        let (headers, varying) = headers(written, folder, &origin, agent)?;
        let weight = written.weight.unwrap_or(1.0);
        if !(weight.is_finite() && weight > 0.0) {
            return Err(format!("a weight of {weight} is none; it must be above 0"));
        }
        let name = written.name.clone();
        Ok(Self {
            name: name.unwrap_or_else(|| format!("{method} {origin}{rest}")),
            origin,
            weight,
            expectation: written.expect.clone().unwrap_or_default(),
            method,
            path: match path.fixed() {
                Some(_) => Varying::Fixed(uri),
                None => Varying::Each(path),
            },
            headers,
            varying,
            body: match body.fixed() {
                Some(body) => Varying::Fixed(Bytes::copy_from_slice(body.as_bytes())),
                None => Varying::Each(body),
            },
        })
    }

    /// The request of this number.
    pub(crate) fn request(&self, number: u64, dice: &mut StdRng) -> Request<Full<Bytes>> {
        let body = match &self.body {
            Varying::Fixed(body) => body.clone(),
            Varying::Each(template) => template.text(number, dice).into(),
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = match &self.path {
            Varying::Fixed(uri) => uri.clone(),
            Varying::Each(template) => Uri::from_maybe_shared(template.text(number, dice))
                .expect("a sample was an address, and what differs is encoded"),
        };
        let headers = request.headers_mut();
        headers.clone_from(&self.headers);
        for (name, template) in &self.varying {
            let value = HeaderValue::from_maybe_shared(Bytes::from(template.text(number, dice)));
            headers.insert(name, value.expect("every part of it may stand in a header"));
        }
        request
    }
}

/// Those that are always the same, and those that are not.
fn headers(
    written: &Written,
    folder: &Path,
    origin: &Origin,
    agent: &str,
) -> Result<(HeaderMap, Vec<(HeaderName, Template)>), String> {
    let ours = [(USER_AGENT, agent), (HOST, origin.authority())];
    let mut fixed = HeaderMap::new();
    for (name, value) in ours {
        let value = HeaderValue::from_str(value);
        fixed.insert(name, value.map_err(|error| error.to_string())?);
    }
    let mut varying: Vec<(HeaderName, Template)> = Vec::new();
    for (name, value) in &written.headers {
        let name: HeaderName = name
            .trim()
            .parse()
            .map_err(|_| format!("{name:?} is no name of a header"))?;
        if name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
            return Err(format!("{name} is made of the body and cannot be given"));
        }
        let template = Template::parse(value.trim(), Place::Header, folder)?;
        // The value may be a secret: it is not repeated in the message.
        let wrong = |_| format!("the value of {name} cannot stand in a header");
        let sample = template.text(0, &mut StdRng::seed_from_u64(0));
        let value = HeaderValue::from_str(&sample).map_err(wrong)?;
        varying.retain(|(other, _)| *other != name);
        if template.fixed().is_some() {
            fixed.insert(name, value);
        } else {
            fixed.remove(&name);
            varying.push((name, template));
        }
    }
    Ok((fixed, varying))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(written: &Written) -> Result<Target, String> {
        Target::read(written, Path::new("."), "agent/1")
    }

    fn written(url: &str, headers: &[(&str, &str)], body: &str) -> Written {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Written {
            url: url.to_owned(),
            headers: headers.iter().map(own).collect(),
            body: body.to_owned(),
            ..Written::default()
        }
    }

    #[test]
    fn a_request_is_what_the_target_says() {
        let mut target = written(
            "http://a:1/x/{{seq}}?y=1",
            &[
                ("Idempotency-Key", "{{uuid}}"),
                ("accept", "text/plain"),
                ("accept", "a/b"),
            ],
            "{\"n\": {{seq}}}",
        );
        target.method = Some("POST".to_owned());
        let target = read(&target).unwrap();
        let request = target.request(7, &mut StdRng::seed_from_u64(1));
        assert_eq!(
            (request.method(), request.uri().to_string()),
            (&Method::POST, "/x/7?y=1".to_owned())
        );
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(
            (header("host"), header("user-agent")),
            ("a:1".to_owned(), "agent/1".to_owned())
        );
        assert_eq!(
            (header("accept"), header("idempotency-key").len()),
            ("a/b".to_owned(), 36)
        );
        assert_eq!(target.name, "POST http://a:1/x/{{seq}}?y=1");
    }

    #[test]
    fn an_address_without_a_path_has_the_root() {
        for (url, expected) in [("http://a", "/"), ("http://a?b=c", "/?b=c"), ("a/b", "/b")] {
            let target = read(&written(url, &[], "")).unwrap();
            let request = target.request(0, &mut StdRng::seed_from_u64(1));
            assert_eq!(request.uri(), expected, "{url}");
        }
    }

    #[test]
    fn faults_are_told_without_secrets() {
        let check = |written: &Written, part: &str| {
            let told = read(written).unwrap_err();
            assert!(told.contains(part) && !told.contains("hunter2"), "{told}");
        };
        check(&written("http://a/b c", &[], ""), "is no address");
        check(&written("http://me:hunter2@a/", &[], ""), "authorization");
        check(
            &written("http://a", &[("x y", "z")], ""),
            "no name of a header",
        );
        check(
            &written("http://a", &[("x", "hunter2\u{7}")], ""),
            "the value of x",
        );
        check(
            &written("http://a", &[("content-length", "3")], ""),
            "made of the body",
        );
        check(&written("http://a", &[], "{{nonsense}}"), "not known");
        for weight in [0.0, -1.0, f64::NAN] {
            let mut target = written("http://a", &[], "");
            target.weight = Some(weight);
            check(&target, "must be above 0");
        }
    }
}
