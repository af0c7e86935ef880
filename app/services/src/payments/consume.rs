use serde::de::DeserializeOwned;

use crate::failure::{Failure, Via, frame};
use crate::payments::event::{self, Consumer, EventType, Trace};
use crate::payments::ledger::{self, Movement};
use crate::payments::operation::{OperationKey, OperationType, Settled};
use crate::payments::payment::{Payment, Refund};
use crate::payments::pipeline::{NotTaken, Pipeline, PoisonError, Taken};
use crate::payments::provider::{MethodToken, Request};
use crate::payments::relay::{Delivery, OUTBOX, mark_sent};
use crate::payments::settle::{Change, settle};
use crate::statement::{Operation, Statement};

const SETTLE: Statement = Statement::new(Operation::Update, "payments");
const POST: Statement = Statement::new(Operation::Insert, "ledger_transactions");

impl Pipeline {
    /// Asks the provider for what an event requests, and takes over how that ended.
    pub(crate) async fn operate(
        &self,
        event_type: EventType,
        delivery: &Delivery,
    ) -> Result<Taken, NotTaken> {
        let (key, request) = self.request(event_type, delivery).await?;
        self.provider.admit().map_err(NotTaken::HeldBack)?;
        let settled = self.settled(&key, &request, delivery).await?;
        self.instruments
            .operated(key.operation.as_str(), settled.status.as_str());
        let (event, trace) = (delivery.id.clone(), Trace::current(&self.telemetry));
        self.take_over(Consumer::Provider.as_str(), event, (key, settled), trace)
            .await
            .map_err(NotTaken::from)
    }

    /// Whatever may have reached the provider before is asked for before it is sent again.
    async fn settled(
        &self,
        key: &OperationKey,
        request: &Request,
        delivery: &Delivery,
    ) -> Result<Settled, Failure> {
        if delivery.sent_at.is_some() {
            let found = self.provider.look_up(key).await;
            if let Some(settled) = found.via(frame!("Pipeline::settled"))? {
                tracing::info!(
                    "payment.id" = delivery.payment,
                    "operation.key" = key.to_string(),
                    "operation {key}, whose outcome was unknown, had {} at the provider",
                    settled.status.as_str()
                );
                return Ok(settled);
            }
        } else {
            let (delivery, now) = (delivery.clone(), self.clock.now());
            let marking = self.writer.execute(OUTBOX, move |connection| {
                Box::pin(async move { mark_sent(connection, &delivery, now).await })
            });
            marking.await.via(frame!("Pipeline::settled"))?;
        }
        let sent = self.provider.send(key, request).await;
        sent.via(frame!("Pipeline::settled"))
    }

    /// Takes over how an operation ended, once for each `event` of the consumer.
    pub(crate) async fn take_over(
        &self,
        consumer: &'static str,
        event: String,
        (key, settled): (OperationKey, Settled),
        trace: Trace,
    ) -> Result<Taken, Failure> {
        let now = self.clock.now();
        let work = self.writer.commit(SETTLE, move |connection| {
            Box::pin(async move {
                if !event::take(connection, consumer, &event, now).await? {
                    return Ok((Taken::Duplicate, None));
                }
                let change = settle(connection, &key, &settled, &trace, now).await?;
                Ok((Taken::Done, change))
            })
        });
        let (taken, change) = work.await.via(frame!("Pipeline::take_over"))?;
        if let Some(change) = change {
            self.tell_stage(change);
        }
        Ok(taken)
    }

    fn tell_stage(&self, change: Change) {
        let took = self.clock.now().since(change.requested_at);
        let stage = change.event_type.as_str();
        self.instruments.reached(stage, took);
    }

    /// What an event asks of the provider.
    async fn request(
        &self,
        event_type: EventType,
        delivery: &Delivery,
    ) -> Result<(OperationKey, Request), NotTaken> {
        let (payment, method) = self.payment(delivery).await?;
        let mut request = Request {
            operation: OperationType::Void,
            amount: payment.amount,
            currency: payment.currency.clone(),
            method: None,
            charge: payment.charge.clone(),
            webhook_url: self.notifications.get().cloned(),
        };
        let mut subject = payment.id.clone();
        match event_type {
            EventType::PaymentRequested => {
                request.operation = if payment.is_captured_at_once() {
                    OperationType::Charge
                } else {
                    OperationType::Authorise
                };
                request.method = MethodToken::try_from(method).ok();
            }
            EventType::CaptureRequested => {
                request.operation = OperationType::Capture;
                request.amount = payment.captured;
            }
            EventType::CancelRequested => {}
            EventType::RefundRequested => {
                let refund: RefundData = read(delivery)?;
                request.operation = OperationType::Refund;
                request.amount = refund.amount;
                subject = refund.refund;
            }
            _ => {
                return Err(NotTaken::poison(PoisonError::Type(
                    delivery.event_type.clone(),
                )));
            }
        }
        Ok((
            OperationKey::new(&subject, request.operation, delivery.seq),
            request,
        ))
    }

    async fn payment(&self, delivery: &Delivery) -> Result<(Payment, String), NotTaken> {
        let id = delivery.payment.clone();
        let select = Statement::new(Operation::Select, "payments");
        let found = self.database.read(select, move |connection| {
            Box::pin(async move { Payment::find_with_method(connection, &id).await })
        });
        let found = found.await.via(frame!("Pipeline::payment"))?;
        found.ok_or_else(|| NotTaken::poison(PoisonError::NoPayment))
    }

    /// Posts what an event moved, once.
    pub(crate) async fn book(
        &self,
        event_type: EventType,
        delivery: &Delivery,
    ) -> Result<Taken, NotTaken> {
        let movement: Movement = read(delivery)?;
        let (event, now) = (delivery.id.clone(), self.clock.now());
        let happened = watchfire_schemas::Timestamp::from_nanos(delivery.created_at);
        let work = self.writer.commit(POST, move |connection| {
            Box::pin(async move {
                let consumer = Consumer::Ledger.as_str();
                if !event::take(connection, consumer, &event, now).await? {
                    return Ok(Taken::Duplicate);
                }
                ledger::post(connection, &event, event_type, &movement, now).await?;
                Ok(Taken::Done)
            })
        });
        let taken = work.await.via(frame!("Pipeline::book"))?;
        if taken == Taken::Done {
            let took = self.clock.now().since(happened);
            self.instruments.reached("posted after its event", took);
        }
        Ok(taken)
    }

    /// What asked for an operation; none if nothing of ours did. Notifications may name any.
    pub(crate) async fn asked(&self, key: &OperationKey) -> Result<Option<Asked>, Failure> {
        let key = key.clone();
        let select = Statement::new(Operation::Select, "payments");
        let found = self.database.read(select, move |connection| {
            Box::pin(async move {
                let payment = if key.operation == OperationType::Refund {
                    let refund = Refund::find(connection, &key.subject).await?;
                    refund.map(|refund| refund.payment)
                } else {
                    let payment = Payment::find(connection, &key.subject).await?;
                    payment.map(|payment| payment.id)
                };
                let Some(payment) = payment else {
                    return Ok(None);
                };
                let trace = event::trace_of(connection, &payment, key.turn).await?;
                Ok(Some(Asked { payment, trace }))
            })
        });
        found.await.via(frame!("Pipeline::asked"))
    }
}

/// The payment that an operation is of, and the trace that the operation belongs to.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) payment: String,
    pub(crate) trace: Trace,
}

#[derive(Debug, serde::Deserialize)]
struct RefundData {
    refund: String,
    amount: i64,
}

fn read<T: DeserializeOwned>(delivery: &Delivery) -> Result<T, NotTaken> {
    serde_json::from_str(&delivery.data).map_err(|error| NotTaken::poison(PoisonError::Data(error)))
}
