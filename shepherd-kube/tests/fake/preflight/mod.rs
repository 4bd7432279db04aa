mod blue_green;
mod broken;
mod ingress;
mod istio;
mod server;
mod shop;
mod sound;
