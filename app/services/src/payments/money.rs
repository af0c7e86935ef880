use serde::{Deserialize, Deserializer, Serialize, de};

/// A currency of ISO 4217 that money is paid in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "&'static str")]
pub(crate) struct Currency(&'static str);

/// A positive amount in the minor units of a currency: cents, pence, yen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub(crate) struct Amount(i64);

/// Why something is not money.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoMoney {
    #[error("a currency is one of the active alphabetic codes of ISO 4217, such as EUR")]
    Currency,
    #[error(
        "an amount is a whole number of minor units from 1 to {}",
        Amount::MOST
    )]
    Amount,
}

/// The active codes of ISO 4217, without those of funds, metals and tests.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN \
    BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP \
    GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF \
    KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR \
    MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG \
    SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS \
    VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG";

impl Currency {
    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }

    pub(crate) fn parse(text: &str) -> Result<Self, NoMoney> {
        let mut codes = CODES.split_ascii_whitespace();
        let found = codes.find(|&code| code == text);
        found.map(Self).ok_or(NoMoney::Currency)
    }
}

impl Amount {
    /// Ten thousand million of a currency with cents: beyond every payment, and so many of them
    /// still add up in 64 bits.
    pub(crate) const MOST: i64 = 1_000_000_000_000;

    pub(crate) fn get(self) -> i64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl From<Currency> for &'static str {
    fn from(currency: Currency) -> Self {
        currency.0
    }
}

impl TryFrom<i64> for Amount {
    type Error = NoMoney;

    fn try_from(units: i64) -> Result<Self, NoMoney> {
        let is_amount = (1..=Self::MOST).contains(&units);
        is_amount.then_some(Self(units)).ok_or(NoMoney::Amount)
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_strictly() {
        assert_eq!(Currency::parse("EUR").map(Currency::as_str), Ok("EUR"));
        for text in ["eur", "EURO", "", "E R", "XXX", "EUR USD"] {
            assert_eq!(Currency::parse(text), Err(NoMoney::Currency), "{text}");
        }
        for units in [0, -1, Amount::MOST + 1, i64::MIN] {
            assert_eq!(Amount::try_from(units), Err(NoMoney::Amount), "{units}");
        }
        assert_eq!(Amount::try_from(1).map(Amount::get), Ok(1));
    }

    #[test]
    fn the_codes_are_sorted_and_of_three_letters() {
        let codes: Vec<&str> = CODES.split_ascii_whitespace().collect();
        assert!(codes.is_sorted());
        assert!(codes.iter().all(|code| code.len() == 3));
    }
}
