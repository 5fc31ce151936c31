import { load } from "@consentry/page";
import { mount } from "svelte";
import Page from "./Page.svelte";

load({ src: "https://consent.test/adforge.js" });
mount(Page, { target: document.getElementById("app") });
