//! Words that say nothing or little, in the order English, German, French, Spanish.

/// Words that carry grammar. Few enough that none is a feature's name in another language.
pub const STOP: [&str; 4] = [
    "the a an and or for with without that this these those you your yours our ours we us i my me mine it its he she him her his they them their \
     is am are was were be been being do does did doing done don doesn didn isn wasn aren couldn wouldn shouldn won ll ve re not no nor but have has had having \
     can could would should will may might must from to of in on at by as if so than then there here what when where which who whom whose why how all any \
     both each few some such other into out over under up down off again just more most too very now only own same also about after before because while \
     until between through during above below once get got getting gets need needs needed want wants wanted use used using uses please thanks thank hello hi hey dear \
     new every still one ever never even yet already really much many lot lots per let lets said say says like via etc ok okay yes",
    "der die das den dem des ein eine einen einem einer eines und oder aber nicht kein keine keinen keiner ist sind war waren sein wird werden wurde wurden \
     wir uns unser unsere unseren unserem unserer ich mich mir mein meine meinen meiner du sie ihr ihre ihren ihnen er es man sich mit ohne für fur fuer von vom zu zum zur \
     im in an am auf aus bei nach über uber vor unter um durch gegen bis seit als wie wenn weil dass daß ob so auch nur noch schon mehr sehr hier dort dann denn da doch \
     was wer wo wann warum wie welche welcher hat haben habe hatte hatten kann können konnte konnten muss müssen soll sollte will wollen würde möchte möchten \
     leider bitte danke hallo guten tag liebe mal jetzt immer nie wieder etwas nichts alle alles jede jeder jedes jedem diese dieser dieses diesem",
    "le la les un une des du de et ou mais donc ne pas plus est sont était étaient être suis sommes êtes ai as a avons avez ont avait avoir \
     je tu il elle nous vous ils elles on me te se moi toi lui leur leurs mon ma mes ton ta tes son sa ses notre nos votre vos ce cet cette ces cela ça qui que quoi dont où \
     qu l d j n c s m t dans sur sous avec sans pour par en au aux chez vers entre depuis pendant avant après si comme quand parce car très trop peu bien tout toute tous toutes \
     même aussi encore déjà jamais rien aucun aucune fait faire peut peuvent pouvons pouvez faut bonjour merci y ici là",
    "el la los las un una unos unas y o pero no ni es son era eran ser está están estar fue hay ha han he hemos había haber tener tiene tenemos tengo \
     yo tú él ella nosotros ustedes ellos ellas me te se nos les mi mis tu tus su sus nuestro nuestra nuestros nuestras este esta estos estas ese esa eso esto que qué quien cual \
     de del al a en con sin por para sobre entre desde hasta como cómo cuando donde si sí muy más menos tan también ya solo sólo todos todas cada otro otra \
     lo le porque pues nada nunca siempre ahora aquí algo hola gracias puede pueden podemos puedo quiero queremos",
];

/// Words that anyone may write about anything: sharing one is chance.
pub const EVERYDAY: [&str; 4] = [
    "able account accounts ago almost always annoy answer anybody anyone anything app ask away back bad begin best better big book bought break bring business buy buyer client \
     call came cancel care case cause change charge cheap check choose clear click close come company complete connect contact copy cost count course customer cut data date day deal \
     decide different difference do drop easy email end enough enter error everybody everyone everything everywhere expect expensive explain extra eye face fact fail fall far fast feature feel \
     fine find finish first fit fix follow forget forward free friend full fun give go good great grow guess guy half hand happen happy hard hear help high hold home hope hour \
     house idea ignore important impossible improve include information instead instruction integration interest issue item job keep kind know large last late later learn least leave left less \
     letter life light line link list little live load log long look lose loss love low mail main make manage manual maybe mean message mind minute miss money month morning move \
     name near never next nice night nobody nothing notice number offer office old open option order ordinary own page paid part party past pay people person pick place plan play point poor possible post previous \
     price pricing problem product prompt provide put question quick quit quite read ready real reason receive renew reply right rule run sad save screen second see seem sell send sense service set \
     several share ship shop short show side simple since single site situation small software something soon sorry sort spend staff start stay step stop story stuff stupid suddenly support sure switch system \
     take talk team tell ten term test thing think third three time today together told tomorrow tool top total toward trouble true trust try turn twice two under understand update user usual \
     value version wait walk way week weekly went whole without woman word work world worry worse worth write wrong year yesterday zero four five six seven eight nine hundred thousand project season trade family store website web program shift closed pack \
     connector plugin addon hand begin stick hold harbourline",
    "anbindung arbeit arbeiten bekommen bestellung brauchen daten einfach fehlen fehlt firma frage funktion funktionieren geben geht geld gibt gut hilfe jahr kaum kosten kunde kunden kündigen lassen lange machen \
     monat nehmen neu nutzen passen preis problem programm sagen schade schlecht schnell sehen seite software stunde system teuer tool viel voll warten weg weniger woche zahlen zeit zufrieden zwei drei",
    "aller an ans année argent arrêter besoin bon cher chose client clientes clients commande comprendre dernier devoir dire dommage donner équipe facile falloir heure jour logiciel mettre mois \
     manquer nouveau outil payer petit pouvoir premier prendre prix problème produit quitter savoir semaine service temps travail trouver utiliser venir voir vouloir",
    "año bueno caro cliente clientes cosa cuenta dar día días dinero empresa equipo falta gente hacer hora ir llegar mal mejor mes meses necesitar necesitamos nuevo pagar pago pedido pedidos pequeño plan poco pocos poder \
     precio problema producto querer saber semana servicio tiempo tienda trabajo usar vender ver vez",
];
