mod contract;
mod desk;
mod documents;
mod hire;
mod privacy;
mod roles;
mod trail;
