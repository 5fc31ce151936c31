import { useState } from "react";
import { consentry } from "@consentry/page";
import { Film } from "./Film";
import { Renderer } from "./Renderer";
import { Settings } from "./Settings";

/** Two pages: the shop, and the settings with the preference centre in them. */
export function App() {
  const [page, setPage] = useState<"shop" | "settings">("shop");
  return (
    <>
      <h1>Consentry in React</h1>
      <nav>
        <button onClick={() => setPage("shop")}>Shop</button>
        <button onClick={() => setPage("settings")}>Settings</button>
        <button onClick={() => consentry.open()}>Privacy choices</button>
      </nav>
      {page === "shop" ? (
        <>
          <Film />
          <Renderer />
        </>
      ) : (
        <Settings />
      )}
    </>
  );
}
