import { t } from "../i18n";
import { go, place } from "../router";
import { SearchBox } from "../ui/search-dialog";
import { useTitle } from "../ui/use";

/** Search as a page: on telephones, and for addresses with a query. */
export default function Search() {
  useTitle(t("search.title"));
  return (
    <div class="page narrow">
      <h1 class="sr-only">{t("search.title")}</h1>
      <SearchBox
        first={place.value.query.get("q") ?? ""}
        onOpen={() => undefined}
        onQuery={(query) => {
          const target = query ? `/search?q=${encodeURIComponent(query)}` : "/search";
          if ((place.value.query.get("q") ?? "") !== query) go(target, true);
        }}
      />
    </div>
  );
}
