//! The HTTP client that providers are called with: to addresses that may be called, without redirects, within bounds.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use drift_domain::address;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

/// How long a provider may take for one answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// The largest answer: key sets of large providers have some 20 kB.
const LARGEST: usize = 512 * 1024;

/// Calls a provider.
pub(crate) struct Http {
    client: reqwest::Client,
    allow_private: bool,
}

/// Why a call did not come to an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("{0}")]
    Address(#[from] address::BadAddress),
    #[error("{}", innermost(.0))]
    Http(#[from] reqwest::Error),
    #[error("the answer is larger than {LARGEST} bytes")]
    Large,
}

/// The cause that says most: reqwest's own words are only "error sending request".
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

impl Http {
    pub(crate) fn new(allow_private: bool) -> Result<Self, reqwest::Error> {
        let client = drift_outbound::client(allow_private, PATIENCE)?;
        Ok(Self { client, allow_private })
    }

    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, CallError> {
        let mut request = reqwest::Request::try_from(request)?;
        // The endpoints come from the provider's own document: each is held against the rule.
        let mut target = request.url().clone();
        target.set_query(None);
        address::check_url(&target, self.allow_private)?;
        *request.version_mut() = http::Version::HTTP_11;
        let mut answer = self.client.execute(request).await?;
        let mut response = HttpResponse::new(Vec::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        while let Some(chunk) = answer.chunk().await? {
            if response.body().len() + chunk.len() > LARGEST {
                return Err(CallError::Large);
            }
            response.body_mut().extend_from_slice(&chunk);
        }
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(Http::call(self, request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_literal_address_is_held_against_the_rule_before_it_is_called() {
        let http = Http::new(false).unwrap();
        let request = http::Request::get("http://127.0.0.1:1/jwks?x=1").body(Vec::new()).unwrap();
        assert!(http.call(request).await.unwrap_err().to_string().contains("loopback"));
    }
}
