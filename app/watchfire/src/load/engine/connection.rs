use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rand::Rng as _;
use tokio::time::{Instant, timeout, timeout_at};
use watchfire_schemas::TraceId;

use super::desk::Desk;
use super::pool::{Pool, Seat, Shot};
use crate::load::failure::Failure;
use crate::load::wire::Wire;

type Connection = http1::Connection<TokioIo<Wire>, Full<Bytes>>;

/// A server may close an idle connection at the very moment in which a request is given to it; the
/// request was not sent then, and tries another so often.
const TRIES: u8 = 3;

/// Opens a connection and sends over it what is due, one request after the other; and again as long as
/// requests wait.
pub(super) async fn serve(desk: Rc<Desk>, pool: Rc<Pool>) {
    loop {
        let begun = Instant::now();
        let opened = open(&desk, &pool).await;
        pool.opening.update(|opening| opening - 1);
        match opened {
            Ok(wire) => {
                desk.connected(begun.elapsed());
                exchange_all(&desk, &pool, wire).await;
            }
            // One failure is told by one request: the others may have more luck.
            Err(failure) => {
                if let Some(shot) = pool.take() {
                    let now = desk.end(&shot, None, Err(failure), None);
                    desk.take_up_due(now);
                }
            }
        }
        if !pool.reopens() {
            return;
        }
    }
}

async fn open(desk: &Desk, pool: &Pool) -> Result<Wire, Failure> {
    let opening = desk.hosts[pool.host].connect(Rc::clone(&desk.bytes));
    let opened = timeout(desk.settings.timeout, opening).await;
    opened.map_err(|_| Failure::ConnectTimeout)?
}

/// Until the connection ends.
async fn exchange_all(desk: &Rc<Desk>, pool: &Pool, wire: Wire) {
    let Ok((mut sender, connection)) = http1::handshake(TokioIo::new(wire)).await else {
        return;
    };
    let mut connection = pin!(connection);
    let seat = Rc::new(Seat::default());
    let mut is_used = false;
    loop {
        let shot = tokio::select! {
            biased;
            shot = pool.next(&seat) => shot,
            _ = &mut connection => return pool.leave(&seat),
        };
        let goes_on = exchange(desk, pool, &mut sender, connection.as_mut(), shot, is_used).await;
        if !goes_on || !desk.settings.keep_alive {
            return;
        }
        is_used = true;
    }
}

/// Sends one request. False if the connection can send no other.
async fn exchange(
    desk: &Rc<Desk>,
    pool: &Pool,
    sender: &mut SendRequest<Full<Bytes>>,
    mut connection: Pin<&mut Connection>,
    shot: Shot,
    is_used: bool,
) -> bool {
    let (request, trace) = request(desk, &shot);
    let sent = Instant::now();
    let deadline = sent + desk.settings.timeout;
    let answered = driven(answer(sender, request), connection.as_mut());
    let result = match timeout_at(deadline, answered).await {
        Ok(Err(error)) if error.is_canceled() && is_used && shot.tries < TRIES => {
            let tries = shot.tries + 1;
            pool.put_back(Shot { tries, ..shot });
            return false;
        }
        Ok(Ok(status)) => Ok(status),
        Ok(Err(error)) => Err(Failure::of_exchange(&error)),
        Err(_) => Err(Failure::Timeout),
    };
    desk.sending(&shot, sent);
    let now = desk.end(&shot, Some(sent), result, trace);
    desk.take_up_due(now);
    result.is_ok() && stays_open(connection).await
}

fn request(desk: &Desk, shot: &Shot) -> (Request<Full<Bytes>>, Option<TraceId>) {
    let mut dice = desk.dice.borrow_mut();
    let mut request = desk.script.request(shot.number, shot.target, &mut dice);
    if !desk.settings.trace {
        return (request, None);
    }
    let (trace, span): (u128, u64) = (dice.random(), dice.random_range(1..=u64::MAX));
    let parent = format!("00-{trace:032x}-{span:016x}-01");
    let parent = HeaderValue::from_maybe_shared(Bytes::from(parent));
    let parent = parent.expect("hexadecimal digits may stand in a header");
    request.headers_mut().insert("traceparent", parent);
    (request, TraceId::from_bytes(trace.to_be_bytes()))
}

/// The status, once the whole answer is there.
async fn answer(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> hyper::Result<StatusCode> {
    sender.ready().await?;
    let mut response = sender.send_request(request).await?;
    while let Some(frame) = response.body_mut().frame().await {
        frame?;
    }
    Ok(response.status())
}

/// An exchange, with the connection that carries it in the same task: to wake another would cost more
/// than the exchange.
async fn driven<T>(exchange: impl Future<Output = T>, mut connection: Pin<&mut Connection>) -> T {
    let mut exchange = pin!(exchange);
    let mut is_over = false;
    poll_fn(|cx| {
        let ended = exchange.as_mut().poll(cx);
        if ended.is_ready() || is_over {
            return ended;
        }
        // What the connection brings is asked for at once. If it ends, it tells the exchange so.
        is_over = connection.as_mut().poll(cx).is_ready();
        exchange.as_mut().poll(cx)
    })
    .await
}

/// Whether the server leaves the connection open after an answer.
async fn stays_open(mut connection: Pin<&mut Connection>) -> bool {
    poll_fn(|cx| Poll::Ready(connection.as_mut().poll(cx).is_pending())).await
}
