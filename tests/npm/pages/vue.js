import { load } from "@consentry/page";
import { createApp } from "vue";
import Page from "./Page.vue";

load({ src: "https://consent.test/adforge.js" });
createApp(Page).mount("#app");
